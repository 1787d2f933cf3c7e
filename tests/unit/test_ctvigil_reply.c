#include "parser/getentries.h"
#include "tests/unit/facade.h"

#define ITEMS 8

/* The same items as from the scanner's other door, whatever the reply looks like. */
static void test_same_items(void **state)
{
    static const char *const files[] = {
        "getentries/compact", "getentries/pretty", "getentries/order",      "getentries/duplicate",
        "getentries/null",    "getentries/empty",  "getentries/bad_base64", "getentries/cut",
    };
    size_t goods = 0;
    struct arena arena;

    (void)state;
    assert_true(arena_init(&arena, 1 << 20));
    for (size_t i = 0; i < countof(files); i++) {
        struct span json = sample_load(files[i]);
        struct getentries_item theirs[ITEMS];
        struct ctvigil_reply_item ours[ITEMS];
        size_t count = 99;
        size_t error_at = 99;
        uint8_t *room = malloc(ctvigil_reply_room(json.len));
        struct span copy = arena_copy(&arena, json);
        size_t wanted = 0;
        assert_non_null(room);
        bool good = ctvigil_reply_read((struct ctvigil_bytes){json.at, json.len}, room, ours, ITEMS, &count,
                                       &error_at);
        assert_int_equal(getentries_decode(copy, &arena, theirs, ITEMS, &wanted, NULL) == ERR_OK, good);
        assert_int_equal(count, wanted);
        assert_true(good ? error_at == 0 : error_at <= json.len);
        goods += good;
        for (size_t k = 0; k < count; k++) {
            assert_true(
                span_eq(span_of(ours[k].leaf_input.data, ours[k].leaf_input.size), theirs[k].leaf_input));
            assert_true(
                span_eq(span_of(ours[k].extra_data.data, ours[k].extra_data.size), theirs[k].extra_data));
            assert_true(ours[k].leaf_input.data == NULL || ours[k].leaf_input.data[-1] == 0);
        }
        free(room);
        sample_free(json);
    }
    assert_true(goods > 4 && goods < countof(files));
    arena_fini(&arena);
}

static void test_limits(void **state)
{
    static const char two[] = "{\"entries\":[{\"leaf_input\":\"AAEC\",\"extra_data\":\"\"},"
                              "{\"leaf_input\":\"Aw==\",\"extra_data\":\"BAU=\"}]}";
    struct ctvigil_bytes json = {(const uint8_t *)two, sizeof two - 1};
    struct ctvigil_reply_item items[2];
    uint8_t room[256];
    size_t count;
    size_t error_at;

    (void)state;
    assert_true(ctvigil_reply_room(json.size) <= sizeof room);
    assert_true(ctvigil_reply_read(json, room, items, 1, &count, &error_at));
    assert_int_equal(count, 1);
    assert_true(ctvigil_reply_read(json, room, items, 2, &count, &error_at));
    assert_int_equal(count, 2);
    assert_int_equal(items[0].leaf_input.size, 3);
    assert_true(items[0].extra_data.data != NULL && items[0].extra_data.size == 0);
    assert_memory_equal(items[1].leaf_input.data - 1, "\0\3", 2);
    assert_memory_equal(items[1].extra_data.data, "\4\5", 2);
    for (size_t size = 0; size < json.size; size++) {
        assert_false(
            ctvigil_reply_read((struct ctvigil_bytes){json.data, size}, room, items, 2, &count, &error_at));
        assert_true(count == 0 && error_at <= size);
    }
    assert_false(ctvigil_reply_read((struct ctvigil_bytes){NULL, 0}, room, NULL, 0, &count, &error_at));
}

/* Members that nobody asked for may nest as deep as the header says, and no deeper. */
static void test_nested(void **state)
{
    static const char rest[] = ",\"entries\":[{\"leaf_input\":\"AAEC\",\"extra_data\":\"\"}]}";
    struct ctvigil_reply_item items[2];
    uint8_t room[512];

    (void)state;
    for (unsigned depth = 60; depth <= 70; depth++) {
        char text[256];
        size_t count = 99;
        size_t error_at = 99;
        size_t len = 5;
        memcpy(text, "{\"x\":", len);
        memset(text + len, '[', depth);
        text[len + depth] = '0';
        memset(text + len + depth + 1, ']', depth);
        len += 2 * depth + 1;
        memcpy(text + len, rest, sizeof rest - 1);
        len += sizeof rest - 1;
        assert_true(ctvigil_reply_room(len) <= sizeof room);
        bool good = ctvigil_reply_read((struct ctvigil_bytes){(const uint8_t *)text, len}, room, items, 2,
                                       &count, &error_at);
        assert_int_equal(good, depth <= 64);
        assert_int_equal(count, depth <= 64 ? 1 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_items), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_nested)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
