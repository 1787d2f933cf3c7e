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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),
        cmocka_unit_test(a_table_fits_its_terminal),
        cmocka_unit_test(serial_numbers_are_whole),
        cmocka_unit_test(lines_have_as_many_cells_as_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
