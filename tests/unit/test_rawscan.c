#include "watcher/rawscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/fixture/watches.h"

#define BYTES(text) span_of(text, sizeof(text) - 1)

static const char *const watched[] = {"example.com",  "=www.example.org",      "a.io",
                                      "192.0.2.0/24", "xn--bcher-kva.example", "xn--fsq.example"};

static size_t scan(struct span bytes, struct watches_hits *hits)
{
    struct watch watches[countof(watched)];
    *hits = (struct watches_hits){0};
    for (size_t i = 0; i < countof(watched); i++)
        watches[i] = watches_one(watched[i], (int64_t)i + 1);
    struct rawscan *raw = rawscan_new(watches, countof(watches));
    assert_non_null(raw);
    rawscan_find(raw, bytes, watches_note, hits);
    rawscan_free(raw);
    for (size_t i = 0; i < countof(watches); i++)
        free(watches[i].name);
    return hits->count;
}

static void forms(void **state)
{
    static const struct {
        const char *label;
        const char *at;
        size_t len;
        int hit; /* id, 0: none */
    } rows[] = {
#define ROW(label, text, id) {label, text, sizeof(text) - 1, id}
        ROW("plain", "example.com", 1),
        ROW("below it", "\x82\x0fmail.example.com\x82", 1),
        ROW("case", "EXAMPLE.Com", 1),
        ROW("inside bytes",
            "\xff\x00\x01"
            "example.com\x00",
            1),
        ROW("a sequence follows",
            "\x82\x0b"
            "example.com0\x82",
            1),
        ROW("the length octet is a letter", "\x82-example.com", 1),
        ROW("a trailing dot", "example.com.\x00", 1),
        ROW("another name", "notexample.com", 0),
        ROW("longer at the end", "example.community", 0),
        ROW("inside another name", "example.com.evil.net", 0),
        ROW("BMP, even", "\0e\0x\0a\0m\0p\0l\0e\0.\0c\0o\0m", 1),
        ROW("BMP, odd", "\x1e\0E\0x\0a\0m\0p\0l\0e\0.\0c\0o\0m", 1),
        ROW("little-endian", "e\0x\0a\0m\0p\0l\0e\0.\0c\0o\0m\0", 1),
        ROW("wire form",
            "\x07"
            "example\x03"
            "com\x00",
            1),
        ROW("wire form below",
            "\x03www\x07"
            "example\x03"
            "com\x00",
            1),
        ROW("exact", "www.example.org", 2),
        ROW("exact, a wildcard covers it", "*.example.org", 2),
        ROW("exact, above", "example.org", 0),
        ROW("exact, below", "x.www.example.org", 0),
        ROW("exact, wire form",
            "\x03www\x07"
            "example\x03org\x00",
            2),
        ROW("exact, wire form below",
            "\x01x\x03www\x07"
            "example\x03org\x00",
            0),
        ROW("short",
            "x\x82\x04"
            "a.io",
            3),
        ROW("short, cut",
            "\x82\x04"
            "a.i",
            0),
        ROW("address", "\x87\x04\xc0\x00\x02\x63", 4),
        ROW("address outside", "\x87\x04\xc0\x00\x03\x63", 0),
        ROW("address cut", "\x87\x04\xc0\x00\x02", 0),
        ROW("empty", "", 0),
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits;
        size_t count = scan(span_of(rows[i].at, rows[i].len), &hits);
        if (count != (size_t)(rows[i].hit != 0) || !hits.hit[rows[i].hit])
            if (count != 0 || rows[i].hit != 0)
                fail_msg("%s: %zu hits", rows[i].label, count);
    }
}

/* As certificates must not write it, but do. */
static void u_labels(void **state)
{
    static const struct {
        const char *label;
        const char *at;
        size_t len;
        int hit; /* id, 0: none */
    } rows[] = {
        ROW("U-label, UTF-8",
            "\x82\x10www.b\xc3\xbc"
            "cher.example",
            5),
        ROW("U-label, Latin-1",
            "www.b\xfc"
            "cher.example",
            5),
        ROW("U-label, BMP", "\0b\0\xfc\0c\0h\0e\0r\0.\0e\0x\0a\0m\0p\0l\0e", 5),
        ROW("A-label", "xn--bcher-kva.example", 5),
        ROW("without the dots", "bucher.example", 0),
        ROW("U-label beyond Latin-1", "\xe4\xbe\x8b.example", 6),
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits;
        size_t count = scan(span_of(rows[i].at, rows[i].len), &hits);
        if (count != (size_t)(rows[i].hit != 0) || (count != 0 && !hits.hit[rows[i].hit]))
            fail_msg("%s: %zu hits", rows[i].label, count);
    }
}

/* Wherever a name stands, also across the borders of the pieces a long entry is read in. */
static void everywhere(void **state)
{
    enum { SIZE = 40000 };
    static uint8_t bytes[SIZE];
    (void)state;
    for (size_t at = 8100; at < 8300; at++) {
        struct watches_hits hits;
        memset(bytes, 0xfe, sizeof bytes);
        memcpy(bytes + at, "example.com", 11);
        assert_int_equal(scan(span_of(bytes, SIZE), &hits), 1);
        memset(bytes, 0xfe, sizeof bytes);
        for (size_t i = 0; i < 11; i++) {
            bytes[2 * at + 2 * i] = 0;
            bytes[2 * at + 2 * i + 1] = (uint8_t) "example.com"[i];
        }
        assert_int_equal(scan(span_of(bytes, SIZE), &hits), 1);
    }
}

/* One entry watches a host alone and another domain with what is below it. */
static void each_item_has_its_own_reach(void **state)
{
    struct watch watch = watches_one("=www.example.org", 1);
    struct watch_item more[] = {{.kind = WATCH_DNS, .name = (char[]){"example.net"}}};
    struct rawscan *raw;
    struct watches_hits hits = {0};
    (void)state;
    watch.more = more;
    watch.more_count = 1;
    raw = rawscan_new(&watch, 1);
    assert_non_null(raw);
    rawscan_find(raw, BYTES("\x82\x10mail.example.net\x82"), watches_note, &hits);
    assert_int_equal(hits.count, 1);
    hits = (struct watches_hits){0};
    rawscan_find(raw, BYTES("\x82\x14mail.www.example.org\x82"), watches_note, &hits);
    assert_int_equal(hits.count, 0);
    rawscan_free(raw);
    free(watch.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forms), cmocka_unit_test(u_labels),
                                       cmocka_unit_test(everywhere),
                                       cmocka_unit_test(each_item_has_its_own_reach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
