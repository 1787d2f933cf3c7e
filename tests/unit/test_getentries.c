#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parser/getentries.h"
#include "tests/fuzz/byjansson.h"
#include "tests/unit/sample.h"

#define ITEMS 4

static const struct {
    const char *json;
    enum err_code code;
    size_t count;
    const char *leaf; /* of the first item */
    const char *extra;
} rows[] = {
    {"{\"entries\":[]}", ERR_OK, 0, NULL, NULL},
    {"{\"entries\":null}", ERR_OK, 0, NULL, NULL},
    {" { \"x\" : 1 , \"entries\" : [ ] } ", ERR_OK, 0, NULL, NULL},
    {"{\"entries\":[{\"leaf_input\":\"YWJj\",\"extra_data\":\"ZA==\"}]}", ERR_OK, 1, "abc", "d"},
    {"{\"entries\":[{\"extra_data\":\"ZGU=\",\"leaf_input\":\"\"}]}", ERR_OK, 1, "", "de"},
    {"{\"entries\":[{\"leaf\\u005finput\":\"\\u0059W\\u004aj\",\"extra_data\":\"\"}]}", ERR_OK, 1, "abc", ""},
    {"{\"entries\":[{\"leaf_input\":\"YWJjYWJjYWJjYWJjYWJjYWJj\\/\\/\\/\\/"
     "\",\"extra_data\":\"\",\"n\":[{}]}]}",
     ERR_OK, 1, "abcabcabcabcabcabc\xff\xff\xff", ""},
    {"{\"entries\":[],\"entries\":[]}", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[]}x", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[],}", ERR_FORMAT, 0, NULL, NULL},
    {"{}", ERR_FORMAT, 0, NULL, NULL},
    {"{\"x\":1}", ERR_FORMAT, 0, NULL, NULL},
    {"[]", ERR_FORMAT, 0, NULL, NULL},
    {"", ERR_FORMAT, 0, NULL, NULL},
    {"<html>429</html>", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[{\"leaf_input\":\"YWJj\",}]}", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[{\"leaf_input\":\"Y!\nj\",\"extra_data\":\"\"}]}", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[{\"leaf_input\":\"YWJj\",\"extra_data\":nil}]}", ERR_FORMAT, 0, NULL, NULL},
    {"{\"entries\":[{\"leaf_input\":\"YWJj", ERR_FORMAT, 0, NULL, NULL},
};

/* Every way of base64 that this processor has gives the same entries. */
static void check_ways(struct span json, struct arena *arena, enum err_code code,
                       const struct getentries_item *items, size_t count)
{
    for (unsigned way = 0; way < BASE64_WAYS; way++) {
        struct getentries_item again[ITEMS];
        struct getentries_page page = {again, ITEMS, 0};
        struct err why = {0};
        if (!base64_way_found((enum base64_way)way))
            continue;
        assert_int_equal(getentries_decode_by((enum base64_way)way, json, arena, &page, &why), code);
        assert_int_equal(page.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(span_eq(again[i].leaf_input, items[i].leaf_input));
            assert_int_equal(again[i].leaf_input.at == NULL, items[i].leaf_input.at == NULL);
            assert_true(span_eq(again[i].extra_data, items[i].extra_data));
            assert_int_equal(again[i].extra_data.at == NULL, items[i].extra_data.at == NULL);
        }
    }
}

static enum err_code decode(struct span json, struct arena *arena, struct getentries_item *items,
                            size_t *count, struct err *why)
{
    uint8_t *copy = arena_take(arena, json.len + ARENA_PADDING, 1);

    assert_non_null(copy);
    if (json.len != 0)
        memcpy(copy, json.at, json.len);
    /* Padding that would go on as base64 if anybody read it. */
    memset(copy + json.len, 'A', ARENA_PADDING);
    enum err_code code = getentries_decode(span_of(copy, json.len), arena, items, ITEMS, count, why);
    check_ways(span_of(copy, json.len), arena, code, items, *count);
    return code;
}

static void test_rows(void **state)
{
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t i = 0; i < countof(rows); i++) {
        struct getentries_item items[ITEMS];
        struct err why = {0};
        size_t count;
        if (decode(span_str(rows[i].json), &arena, items, &count, &why) != rows[i].code)
            fail_msg("row %zu: %s", i, rows[i].json);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(why.text[0] != '\0', rows[i].code != ERR_OK);
        if (rows[i].leaf != NULL) {
            assert_true(span_eq(items[0].leaf_input, span_str(rows[i].leaf)));
            assert_true(span_eq(items[0].extra_data, span_str(rows[i].extra)));
            assert_int_equal(items[0].leaf_input.at[-1], 0);
        }
        arena_reset(&arena, 1u << 20);
    }
    arena_fini(&arena);
}

/* A member that is not what it should be costs that member, not its entry and not the page. */
static void test_bad_members(void **state)
{
    static const struct {
        const char *item;
        const char *leaf; /* NULL: absent */
        const char *extra;
    } cases[] = {
        {"{\"leaf_input\":\"YWJj\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJj\",\"extra_data\":null}", "abc", NULL},
        {"{\"extra_data\":[{\"a\":\"]\"}],\"leaf_input\":\"YWJj\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJj\",\"extra_data\":\"YW J\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJj\",\"extra_data\":\"!\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJj\",\"extra_data\":\"YWJjYWJjYWJjYWJjYWJj\\u00e4==}\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJj\",\"extra_data\":\"ZA==\",\"extra_data\":\"ZA==\"}", "abc", NULL},
        {"{\"leaf_input\":\"YWJ\",\"extra_data\":\"\"}", NULL, ""},
        {"{\"leaf_input\":\"YW=j\",\"extra_data\":\"\"}", NULL, ""},
        {"{\"leaf_input\":\"YW==YWJj\",\"extra_data\":\"\"}", NULL, ""},
        {"{\"leaf_input\":\"YW J\",\"extra_data\":\"ZA==\"}", NULL, "d"},
        {"{\"leaf_input\":\"YWJj\",\"leaf_input\":\"YWJj\",\"extra_data\":\"\"}", NULL, ""},
        {"{\"leaf_input\":5,\"extra_data\":\"\"}", NULL, ""},
        {"{\"extra_data\":\"ZA==\"}", NULL, "d"},
        {"{}", NULL, NULL},
        {"null", NULL, NULL},
        {"[\"leaf_input\"]", NULL, NULL},
    };
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t i = 0; i < countof(cases); i++) {
        static const char good[] = "{\"leaf_input\":\"MTIz\",\"extra_data\":\"NDU=\"}";
        struct getentries_item items[ITEMS];
        struct err why = {0};
        char json[512];
        size_t count;
        (void)snprintf(json, sizeof json, "{\"entries\":[%s,%s,%s]}", good, cases[i].item, good);
        if (decode(span_str(json), &arena, items, &count, &why) != ERR_OK)
            fail_msg("%s: %s", cases[i].item, why.text);
        assert_int_equal(count, 3);
        for (size_t k = 0; k < 3; k += 2) {
            assert_true(span_eq(items[k].leaf_input, SPAN_LIT("123")) && items[k].leaf_input.at[-1] == 0);
            assert_true(span_eq(items[k].extra_data, SPAN_LIT("45")));
        }
        if ((items[1].leaf_input.at == NULL) != (cases[i].leaf == NULL) ||
            (items[1].extra_data.at == NULL) != (cases[i].extra == NULL))
            fail_msg("%s", cases[i].item);
        assert_true(cases[i].leaf == NULL || span_eq(items[1].leaf_input, span_str(cases[i].leaf)));
        assert_true(cases[i].extra == NULL || span_eq(items[1].extra_data, span_str(cases[i].extra)));
        arena_reset(&arena, 1u << 20);
    }
    arena_fini(&arena);
}

/* What comes beyond what was asked for is passed over, whatever it is, as long as it is JSON. */
static void test_more_than_asked(void **state)
{
    static const struct {
        const char *last;
        enum err_code code;
    } cases[] = {{"{\"leaf_input\":\"\",\"extra_data\":\"\"}", ERR_OK}, {"[5]", ERR_OK}, {"{", ERR_FORMAT}};
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t k = 0; k < countof(cases); k++) {
        char json[1024] = "{\"entries\":[";
        struct getentries_item items[ITEMS];
        struct err why = {0};
        size_t count;
        size_t len = strlen(json);
        for (size_t i = 0; i < ITEMS + 1; i++)
            len += (size_t)snprintf(json + len, sizeof json - len, "%s,",
                                    "{\"leaf_input\":\"\",\"extra_data\":\"\"}");
        len += (size_t)snprintf(json + len, sizeof json - len, "%s]}", cases[k].last);
        assert_int_equal(decode(span_of(json, len), &arena, items, &count, &why), cases[k].code);
        assert_int_equal(count, cases[k].code == ERR_OK ? ITEMS : 0);
    }
    arena_fini(&arena);
}

static void test_no_room(void **state)
{
    struct getentries_item items[ITEMS];
    struct err why = {0};
    struct arena arena;
    size_t count;

    (void)state;
    assert_true(arena_init(&arena, 16));
    assert_int_equal(getentries_decode(span_str(rows[3].json), &arena, items, ITEMS, &count, &why),
                     ERR_TOO_BIG);
    arena_fini(&arena);
}

/* Every beginning of a real reply is refused; what was taken of the arena goes back. */
static void test_every_cut(void **state)
{
    struct span json = sample_load("getentries/pretty");
    struct getentries_item items[ITEMS];
    struct arena arena;
    size_t count;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t len = 0; len < json.len; len++) {
        size_t mark = arena_mark(&arena);
        enum err_code code = getentries_decode(span_part(json, 0, len), &arena, items, ITEMS, &count, NULL);
        assert_int_equal(code, ERR_FORMAT);
        assert_int_equal(arena_mark(&arena), mark);
    }
    assert_int_equal(getentries_decode(json, &arena, items, ITEMS, &count, NULL), ERR_OK);
    assert_int_equal(count, 2);
    arena_fini(&arena);
    sample_free(json);
}

static uint64_t dice_state = 1;

/* The same numbers in every run. */
static size_t dice(size_t sides)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(dice_state >> 33) % sides;
}

static size_t put_string(char *out, size_t digits)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t pad = digits == 0 ? 0 : dice(3);
    size_t len = 0;

    out[len++] = '"';
    for (size_t i = 0; i < digits; i++) {
        char c = i + pad < digits ? set[dice(64)] : '=';
        if (c == '/' && dice(2) == 0)
            out[len++] = '\\';
        if (dice(400) == 0)
            len += (size_t)snprintf(out + len, 8, "\\u%04x", (unsigned)c);
        else
            out[len++] = c;
    }
    out[len++] = '"';
    return len;
}

static size_t put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

static size_t put_member(char *out, const char *name, size_t digits)
{
    size_t len = put(out, "\"");

    len += put(out + len, name);
    len += put(out + len, dice(8) == 0 ? "\" : " : "\":");
    return len + put_string(out + len, digits);
}

/* Entries in either order of members, with blanks and further members now and then. */
static size_t make_reply(char *out, size_t digits)
{
    size_t len = put(out, "{\"entries\":[");

    for (size_t i = 0; i < 3; i++) {
        bool turned = dice(4) == 0;
        len += put(out + len, i == 0 ? "{" : ",{");
        len += put_member(out + len, turned ? "extra_data" : "leaf_input", digits);
        len += put(out + len, dice(8) == 0 ? ",\"more\":{\"a\":[1,\"x\\n\"]}," : ",");
        len += put_member(out + len, turned ? "leaf_input" : "extra_data", dice(76) * 4);
        len += put(out + len, dice(8) == 0 ? "\n}" : "}");
    }
    return len + put(out + len, "]}");
}

/* Against Jansson and libcrypto: strings of all lengths, then the same with a few bytes replaced by what
 * means something in JSON or base64, or nothing. Blocks of exact size, so that a read beyond is seen. */
static void test_jansson(void **state)
{
    static const char odd[] = "\"\\={}[],: \n\t/+AZaz09-_!nu\x7f\x80\xff";
    static char text[16384];
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t digits = 0; digits <= 300; digits++) {
        size_t len = make_reply(text, digits);
        assert_true(len < sizeof text);
        for (size_t round = 0; round < 12; round++) {
            char *exact = malloc(len);
            assert_non_null(exact);
            memcpy(exact, text, len);
            for (size_t i = 0; i < round / 3; i++)
                exact[dice(len)] = odd[dice(sizeof odd)];
            byjansson_check(span_of(exact, len), &arena);
            free(exact);
        }
    }
    arena_fini(&arena);
}

/* Escapes in every place of a group, several of them, and what only looks like one; alone in a string, in
 * front of digits and behind them. */
static void test_escapes(void **state)
{
    static const char *const pieces[7] = {"A", "\\/", "\\u002f", "=", "\\", "\"", ""};
    static char text[1024];
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    for (size_t n = 0; n < 7 * 7 * 7 * 7; n++) {
        char group[32];
        (void)snprintf(group, sizeof group, "%s%s%s%s", pieces[n % 7], pieces[n / 7 % 7], pieces[n / 49 % 7],
                       pieces[n / 343]);
        int len = snprintf(text, sizeof text,
                           "{\"entries\":[{\"leaf_input\":\"%s\"},{\"leaf_input\":\"%sDDDD\","
                           "\"extra_data\":\"DDDD%s\"}]}",
                           group, group, group);
        byjansson_check(span_of(text, (size_t)len), &arena);
        /* And as the end of all, in a block of exact size. */
        size_t cut = strlen("{\"entries\":[{\"leaf_input\":\"") + strlen(group);
        uint8_t *exact = malloc(cut);
        assert_non_null(exact);
        memcpy(exact, text, cut);
        byjansson_check(span_of(exact, cut), &arena);
        free(exact);
    }
    arena_fini(&arena);
}

/* A foreign byte in every place of both strings of an entry. */
static void test_every_place(void **state)
{
    static char text[1024];
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1u << 20));
    size_t len = put(text, "{\"entries\":[{\"leaf_input\":");
    len += put_string(text + len, 204);
    len += put(text + len, ",\"extra_data\":");
    len += put_string(text + len, 300);
    len += put(text + len, "}]}");
    for (size_t at = 0; at < len; at++) {
        static const char foreign[] = "\"\\=- \x01\xc3";
        char kept = text[at];
        for (size_t i = 0; i < sizeof foreign; i++) {
            text[at] = foreign[i];
            byjansson_check(span_of(text, len), &arena);
        }
        text[at] = kept;
    }
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_more_than_asked),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_jansson),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
