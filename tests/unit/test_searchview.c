/* Rows as CSV: whatever stands in a certificate, a cell is one cell, and no formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/searchview.h"

static void cells(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *cell;
    } rows[] = {
        {"", 0, ""},
        {"plain", 5, "plain"},
        {"a,b", 3, "\"a,b\""},
        {"say \"x\"", 7, "\"say \"\"x\"\"\""},
        {"=1+1", 4, "\"'=1+1\""},
        {"+1", 2, "\"'+1\""},
        {"-1", 2, "\"'-1\""},
        {"@x", 2, "\"'@x\""},
        {"\tx", 2, "\"'\\x09x\""},
        {"\rx", 2, "\"'\\x0dx\""},
        {"a\nb", 3, "a\\x0ab"},
        {"nul\0l", 5, "nul\\x00l"},
        {"\xff", 1, "\\xff"},
        {"\x1b[31m", 5, "\\x1b[31m"},
        {"back\\slash", 10, "back\\\\slash"},
        {"\xc3\xa4", 2, "\xc3\xa4"},
        {"\xe2\x80\x8b", 3, "\\xe2\\x80\\x8b"},
        {"a;b", 3, "\"a;b\""},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf out;
        buf_init(&out, 256);
        searchview_cell(&out, span_of(rows[i].text, rows[i].len));
        assert_string_equal(buf_text(&out), rows[i].cell);
        buf_fini(&out);
    }
}

static size_t commas(const char *line)
{
    bool quoted = false;
    size_t count = 0;
    for (; *line != '\0'; line++) {
        quoted = quoted != (*line == '"');
        count += *line == ',' && !quoted;
    }
    return count;
}

static void lines_have_as_many_cells_as_the_head(void **state)
{
    static struct name names[] = {{.kind = NAME_DNS, .text = SPAN_LIT("=cmd|' /C calc'!A0.example.com")},
                                  {.kind = NAME_DNS, .text = SPAN_LIT("a,\"b\r\n.example.com")},
                                  {.kind = NAME_EMAIL, .text = SPAN_LIT("@x,y")},
                                  {.kind = NAME_URI, .text = SPAN_LIT("https://x/\",\"")}};
    static struct span orgs[] = {SPAN_LIT("=A,\"B\""), SPAN_LIT("C\n")};
    static struct name found[] = {{.kind = NAME_DNS, .raw = SPAN_LIT("")},
                                  {.kind = NAME_DNS, .raw = SPAN_LIT("=cmd() |x")},
                                  {.kind = NAME_DNS, .raw = SPAN_LIT("\0\xff,\"\r\n")}};
    struct issuance issuance = {.serial = SPAN_LIT("\xff\x01"),
                                .found = found,
                                .found_count = countof(found),
                                .names = names,
                                .name_count = countof(names),
                                .orgs = orgs,
                                .org_count = countof(orgs),
                                .subject_cn = SPAN_LIT("-2+3")};
    struct query_row row = {.issuance = &issuance, .issuer = SPAN_LIT("CN=a\\,b"), .log = "log, \"one\""};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    assert_non_null(out);
    searchview_head(out, SEARCHVIEW_CSV, 0);
    searchview_row(out, SEARCHVIEW_CSV, 0, &row);
    assert_int_equal(fclose(out), 0);
    char *line = strstr(text, "\r\n");
    assert_non_null(line);
    *line = '\0';
    line += 2;
    char *end = strstr(line, "\r\n");
    assert_non_null(end);
    assert_string_equal(end, "\r\n");
    *end = '\0';
    assert_null(strpbrk(line, "\r\n\t"));
    assert_int_equal(commas(text), commas(line));
    assert_non_null(strstr(line, "\"'-ff\""));
    assert_non_null(strstr(line, "\"'=cmd|"));
    assert_non_null(strstr(line, "\"'-2+3\""));
    assert_non_null(strstr(line, ",\"' =cmd()\\x20|x \\x00\\xff,\"\"\\x0d\\x0a\""));
    free(text);
}

/* Of one row, in a format. */
static char *shown(enum searchview_format format, struct issuance *issuance)
{
    struct query_row row = {.issuance = issuance, .issuer = SPAN_LIT("CN=a"), .log = "log"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    searchview_row(out, format, 0, &row);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Whole, signed and without leading zeros, in every format. */
static void must_show(struct span serial, const char *hex)
{
    static const char *const around[][2] = {
        {"  ", "\n"}, {"\"serial\":\"", "\""}, {",", ","}, {",\"'", "\","}};
    struct issuance issuance = {.serial = serial};
    for (size_t i = 0; i < 3; i++) {
        const char *const *by = around[hex[0] == '-' && i == SEARCHVIEW_CSV ? 3 : i];
        char *text = shown((enum searchview_format)i, &issuance);
        struct buf wanted;
        buf_init(&wanted, 1u << 20);
        buf_str(&wanted, by[0]);
        buf_str(&wanted, hex);
        buf_str(&wanted, by[1]);
        if (strstr(text, buf_text(&wanted)) == NULL)
            fail_msg("%s: %s", buf_text(&wanted), text);
        buf_fini(&wanted);
        free(text);
    }
}

static void serial_numbers_are_whole(void **state)
{
    static const size_t lengths[] = {16, 20, 127, 128, 129, 300, 70000};
    static uint8_t octets[70000];
    static char hex[2 * sizeof octets + 1];
    (void)state;
    must_show(SPAN_NONE, "");
    must_show(SPAN_LIT("\0"), "0");
    must_show(SPAN_LIT("\0\0\x0a"), "a");
    must_show(SPAN_LIT("\0\x80"), "80");
    must_show(SPAN_LIT("\x10\x00"), "1000");
    must_show(SPAN_LIT("\xff"), "-1");
    must_show(SPAN_LIT("\xff\x00"), "-100");
    must_show(SPAN_LIT("\x80"), "-80");
    must_show(SPAN_LIT("\x80\x00\x00"), "-800000");
    must_show(SPAN_LIT("\xfe\xff"), "-101");
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 37 + 0x5a);
    for (size_t i = 0; i < countof(lengths); i++)
        must_show(span_of(octets, lengths[i]), text_hex(span_of(octets, lengths[i]), hex));
}

/* Cut to the terminal, to the column; whole where there is none, and where there is room. */
static void a_table_fits_its_terminal(void **state)
{
    static struct name name = {.kind = NAME_DNS,
                               .text = SPAN_LIT("a-long-name-of-a-host.b\xc3\xbc"
                                                "cher-and-more-than-forty-columns.example.com")};
    struct issuance issuance = {.serial = SPAN_LIT("\x01\x02"), .names = &name, .name_count = 1};
    struct query_row row = {.issuance = &issuance,
                            .issuer = SPAN_LIT("CN=A long name of an issuer, O=Organisation, C=XX"),
                            .log = "log"};
    static const size_t widths[] = {60, 80, 100, 148, 149, 200, 0};
    (void)state;
    for (size_t i = 0; i < countof(widths); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        bool whole = widths[i] == 0 || widths[i] > 148;
        assert_non_null(out);
        searchview_head(out, SEARCHVIEW_TABLE, widths[i]);
        searchview_row(out, SEARCHVIEW_TABLE, widths[i], &row);
        assert_int_equal(fclose(out), 0);
        size_t columns = 0;
        for (const char *at = text; *at != '\0'; at++) {
            columns = *at == '\n' ? 0 : columns + (((unsigned char)*at & 0xc0u) != 0x80);
            assert_true(whole || columns <= widths[i]);
        }
        assert_int_equal(strstr(text, "example.com") != NULL && strstr(text, "C=XX") != NULL, whole);
        assert_int_equal(strstr(text, "102\n") != NULL, whole);
        assert_int_equal(strchr(text, '~') != NULL, !whole);
        free(text);
    }
}

/* In a terminal too narrow for anything, and of more names than have a column. */
static void a_table_keeps_its_columns(void **state)
{
    static struct name many[10001];
    static const struct {
        size_t columns;
        size_t names;
        const char *more;
        size_t line; /* 0: whole, whatever it takes */
    } rows[] = {{1, 2, " +1    ", 51},      {31, 2, " +1    ", 51},    {51, 2, " +1    ", 51},
                {52, 2, " +1    ", 52},     {80, 9999, " +9998 ", 80}, {80, 10000, " +9999 ", 80},
                {80, 10001, " +9999 ", 80}, {0, 10001, " +10000 ", 0}};
    (void)state;
    for (size_t i = 0; i < countof(many); i++)
        many[i] =
            (struct name){.kind = NAME_DNS, .text = SPAN_LIT("a-name-that-is-long.and-longer.example.com")};
    for (size_t i = 0; i < countof(rows); i++) {
        struct issuance issuance = {.names = many, .name_count = rows[i].names};
        struct query_row row = {.issuance = &issuance,
                                .issuer = SPAN_LIT("CN=An issuer with a name that is as long"),
                                .log = "log"};
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        searchview_row(out, SEARCHVIEW_TABLE, rows[i].columns, &row);
        assert_int_equal(fclose(out), 0);
        if (strstr(text, rows[i].more) == NULL || (rows[i].line != 0 && size != rows[i].line + 1))
            fail_msg("%zu columns: %zu: %s", rows[i].columns, size, text);
        free(text);
    }
}

static void every_raw_name_is_told(void **state)
{
    static struct name found[] = {{.kind = NAME_DNS,
                                   .raw = SPAN_LIT("\xff"
                                                   "one")},
                                  {.kind = NAME_DNS, .raw = SPAN_LIT("two three")}};
    struct issuance issuance = {.found = found, .found_count = countof(found)};
    (void)state;
    char *text = shown(SEARCHVIEW_NDJSON, &issuance);
    assert_non_null(strstr(text, "one\",\"two three\"]"));
    free(text);
    text = shown(SEARCHVIEW_CSV, &issuance);
    assert_non_null(strstr(text, ",\\xffone two\\x20three\r\n"));
    free(text);
}

static struct name some_names[] = {
    {.kind = NAME_DNS, .text = SPAN_LIT("example.com")},
    {.kind = NAME_IP, .raw = SPAN_LIT("\xc0\x00\x02\x07")},
    {.kind = NAME_DNS, .text = SPAN_LIT("www.example.com")},
    {.kind = NAME_EMAIL, .text = SPAN_LIT("a@example.com")},
    {.kind = NAME_URI, .text = SPAN_LIT("https://example.com/")},
    {.kind = NAME_IP, .raw = SPAN_LIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01")}};
static struct span some_orgs[] = {SPAN_LIT("A"), SPAN_LIT("B")};

static char *shown_whole(enum searchview_format format, bool known)
{
    struct issuance issuance = {.serial = SPAN_LIT("\x0a"),
                                .names = some_names,
                                .name_count = countof(some_names),
                                .orgs = some_orgs,
                                .org_count = countof(some_orgs),
                                .subject_cn = SPAN_LIT("cn"),
                                .issuer_known = known,
                                .not_before = 1750000000,
                                .not_after = 1760000000};
    struct query_row row = {.issuance = &issuance,
                            .issuer = SPAN_LIT("CN=a"),
                            .issuer_id = 5,
                            .first_seen_ms = 1750000001500,
                            .log = "log",
                            .index = 7,
                            .id = 77,
                            .sightings = 3,
                            .unassigned = 2,
                            .precert = known,
                            .final = !known};
    char *text = NULL;
    size_t size = 0;
    memset(issuance.tbs_fp, 0x11, 32);
    memset(issuance.spki_sha256, 0x22, 32);
    memset(issuance.issuer_spki_sha256, 0x33, 32);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    searchview_head(out, format, 0);
    searchview_row(out, format, 0, &row);
    assert_int_equal(fclose(out), 0);
    return text;
}

#define HEX4(pair)  pair pair pair pair
#define HEX32(pair) HEX4(HEX4(pair)) HEX4(HEX4(pair))

/* Each value under its name, in both formats that programs read. */
static void every_value_stands_under_its_name(void **state)
{
    static const char *const json[] = {"\"tbs_fp\":\"" HEX32("11") "\"",
                                       "\"spki_sha256\":\"" HEX32("22") "\"",
                                       "\"serial\":\"a\"",
                                       "\"issuer\":\"CN=a\"",
                                       "\"issuer_id\":5,",
                                       "\"subject_cn\":\"cn\"",
                                       "\"not_before\":\"2025-06-15T15:06:40Z\"",
                                       "\"not_after\":\"2025-10-09T08:53:20Z\"",
                                       "\"names\":[\"example.com\",\"www.example.com\"]",
                                       "\"ips\":[\"192.0.2.7\",\"2001:db8::1\"]",
                                       "\"emails\":[\"a@example.com\"]",
                                       "\"uris\":[\"https://example.com/\"]",
                                       "\"organisations\":[\"A\",\"B\"]",
                                       "\"sightings\":3,",
                                       "\"sightings_unassigned\":2,",
                                       "\"log\":\"log\"",
                                       "\"index\":7,",
                                       "\"id\":77",
                                       "\"first_seen\":\"2025-06-15T15:06:41.500Z\""};
    (void)state;
    for (int known = 0; known < 2; known++) {
        char *text = shown_whole(SEARCHVIEW_NDJSON, known == 1);
        for (size_t i = 0; i < countof(json); i++) {
            if (strstr(text, json[i]) == NULL)
                fail_msg("%s: %s", json[i], text);
        }
        assert_non_null(strstr(text, known == 1 ? "\"issuer_spki_sha256\":\"" HEX32("33") "\""
                                                : "\"issuer_spki_sha256\":null"));
        assert_non_null(
            strstr(text, known == 1 ? "\"forms\":{\"precert\":true,\"final\":false,\"poisoned\":false}"
                                    : "\"forms\":{\"precert\":false,\"final\":true,\"poisoned\":false}"));
        free(text);
        text = shown_whole(SEARCHVIEW_CSV, known == 1);
        const char *line = strstr(text, "\r\n");
        assert_non_null(line);
        assert_string_equal(line + 2,
                            known == 1 ? HEX32("11") ",a,CN=a,5," HEX32("33") "," HEX32(
                                             "22") ",cn,2025-06-15T15:06:40Z,2025-10-09T08:53:20Z,"
                                                   "example.com www.example.com,192.0.2.7 "
                                                   "2001:db8::1,a@example.com,https://example.com/,\"A; B\","
                                                   "true,false,3,2,2025-06-15T15:06:41.500Z,log,7,77,\r\n"
                                       : HEX32("11") ",a,CN=a,5,," HEX32(
                                             "22") ",cn,2025-06-15T15:06:40Z,2025-10-09T08:53:20Z,"
                                                   "example.com www.example.com,192.0.2.7 "
                                                   "2001:db8::1,a@example.com,https://example.com/,\"A; B\","
                                                   "false,true,3,2,2025-06-15T15:06:41.500Z,log,7,77,\r\n");
        free(text);
    }
}

/* The first thing that tells who it is for. */
static void a_table_names_something(void **state)
{
    static struct name unread[] = {{.kind = NAME_DNS, .text = SPAN_LIT("?")}};
    static struct name found[] = {{.kind = NAME_DNS, .raw = SPAN_LIT("raw name")}};
    const struct issuance rows[] = {
        {.names = some_names, .name_count = 1, .found = found, .found_count = 1},
        {.names = some_names + 1, .name_count = 1},
        {.names = unread, .name_count = 1, .found = found, .found_count = 1},
        {.names = unread, .name_count = 1, .subject_cn = SPAN_LIT("common")},
        {.found = found, .found_count = 1, .subject_cn = SPAN_LIT("common")},
        {.subject_cn = SPAN_LIT("common")},
        {.not_before = 0},
    };
    static const char *const wanted[] = {"  example.com  ", "  192.0.2.7  ", "  raw name  ", "  ?  ",
                                         "  raw name  ",    "  common  ",    "  (no name)  "};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct issuance issuance = rows[i];
        char *text = shown(SEARCHVIEW_TABLE, &issuance);
        if (strstr(text, wanted[i]) == NULL || strstr(text, " +") != NULL)
            fail_msg("%s: %s", wanted[i], text);
        free(text);
    }
    char *text = shown_whole(SEARCHVIEW_TABLE, true);
    assert_non_null(strstr(text, "\n2025-06-15  2025-10-09  example.com  "));
    assert_non_null(strstr(text, " +5    CN=a "));
    assert_non_null(strstr(text, "  a\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),
        cmocka_unit_test(a_table_fits_its_terminal),
        cmocka_unit_test(serial_numbers_are_whole),
        cmocka_unit_test(every_value_stands_under_its_name),
        cmocka_unit_test(a_table_names_something),
        cmocka_unit_test(a_table_keeps_its_columns),
        cmocka_unit_test(every_raw_name_is_told),
        cmocka_unit_test(lines_have_as_many_cells_as_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
