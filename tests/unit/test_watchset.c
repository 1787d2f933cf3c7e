#include "watcher/watchset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"
#include "tests/fixture/watches.h"

static const char *const watched[] = {
    "example.com",  "=www.example.org", "=example.org", "co.uk",     "com.example",
    "192.0.2.0/24", "2001:db8::/32",    "=a.b.c.d.e.f", "192.0.2.7", "localhost",
};

/* The hits as "1 5 ", in the order of ids. */
static const char *hits_text(const struct watches_hits *hits, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t id = 1; id < countof(hits->hit); id++) {
        if (hits->hit[id])
            len += (size_t)snprintf(out + len, cap - len, "%zu ", id);
    }
    return out;
}

static void names(void **state)
{
    static const struct {
        const char *name;
        const char *hits;
    } rows[] = {
        {"example.com", "1 "},
        {"www.example.com", "1 "},
        {"a.b.c.example.com", "1 "},
        {"*.example.com", "1 "},
        {"*.com", "1 "},
        {"*.a.example.com", "1 "},
        {"notexample.com", ""},
        {"example.com.org", ""},
        {"com", ""},
        {"*.*.com", ""},
        {"www.example.org", "2 "},
        {"example.org", "3 "},
        {"x.www.example.org", ""},
        {"*.example.org", "2 "},
        {"*.org", "3 "},
        {"*.www.example.org", ""},
        {"amazon.co.uk", "4 "},
        {"*.co.uk", "4 "},
        {"co.uk", "4 "},
        {"*.uk", "4 "},
        {"uk", ""},
        {"com.example", "5 "},
        {"a.b.c.d.e.f", "8 "},
        {"*.b.c.d.e.f", "8 "},
        {"*.c.d.e.f", ""},
        {"localhost", "10 "},
        {"*", "10 "},
        {"?.example.com", "1 "},
        {"?.com", ""},
        {"?", ""},
        {"", ""},
    };
    char text[256];
    struct watchset *set = watches_set(watched, countof(watched));
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits = {0};
        watchset_find(set, span_str(rows[i].name), watches_note, &hits);
        if (strcmp(hits_text(&hits, text, sizeof text), rows[i].hits) != 0)
            fail_msg("%s: %s, not %s", rows[i].name, text, rows[i].hits);
    }
    watchset_unpin(set);
}

/* One certificate's other names against items of all kinds, two of them of one watch. */
static void other_kinds(void **state)
{
    static const char *const texts[] = {
        "email:example.com",
        "email:bob@example.com",
        "uri:td.example",
        "uri:spiffe://td.example/web",
        "spki:aa00000000000000000000000000000000000000000000000000000000000000",
        "org:example ltd",
        "example.com"};
    static const struct {
        char kind;
        const char *text;
        const char *hits;
    } rows[] = {
        {'e', "bob@example.com", "1 2 "},
        {'e', "Bob@Example.COM", "1 2 "},
        {'e', "eve@example.com", "1 "},
        {'e', "bob@sub.example.com", ""},
        {'e', "example.com", "1 "}, /* what is no address may be meant as one */
        {'e', "a@b@example.com", "1 "},
        {'e', "", ""},
        {'u', "spiffe://td.example/web", "3 4 "},
        {'u', "spiffe://TD.example/db", "3 "},
        {'u', "https://user@td.example:8443/x", "3 "},
        {'u', "https://example.com/td.example", ""},
        {'u', "", ""},
        {'o', "Example Ltd", "6 "},
        {'o', "  EXAMPLE \t ltd ", "6 "},
        {'o', "Example Ltd.", ""},
        {'o', "", ""},
        {'s', "\xaa", "5 "},
        {'s', "\xab", ""},
        {'d', "email:example.com", ""},
        {'d', "www.example.com", "7 "},
    };
    char text[256];
    struct watchset *set = watches_set(texts, countof(texts));
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits = {0};
        struct span given = span_str(rows[i].text);
        uint8_t key[32] = {(uint8_t)rows[i].text[0]};
        if (rows[i].kind == 'e')
            watchset_find_email(set, given, watches_note, &hits);
        else if (rows[i].kind == 'u')
            watchset_find_uri(set, given, watches_note, &hits);
        else if (rows[i].kind == 'o')
            watchset_find_org(set, given, watches_note, &hits);
        else if (rows[i].kind == 's')
            watchset_find_spki(set, key, watches_note, &hits);
        else
            watchset_find(set, given, watches_note, &hits);
        if (strcmp(hits_text(&hits, text, sizeof text), rows[i].hits) != 0)
            fail_msg("%c %s: %s, not %s", rows[i].kind, rows[i].text, text, rows[i].hits);
    }
    assert_true(watchset_has(set, WATCH_SPKI));
    assert_false(watchset_has(set, WATCH_IP));
    watchset_unpin(set);
}

/* Further items of an entry are found as its first one is, and it is the entry that is hit. */
static void several_items(void **state)
{
    struct watch *watch = calloc(1, sizeof *watch);
    struct watches_hits hits = {0};
    (void)state;
    assert_non_null(watch);
    *watch = watches_one("example.com", 9);
    watch->more = calloc(3, sizeof *watch->more);
    assert_non_null(watch->more);
    watch->more_count = 3;
    watch->more[0] = watches_one("=www.example.org", 0).item;
    watch->more[1] = watches_one("192.0.2.0/24", 0).item;
    watch->more[2] = watches_one("email:example.net", 0).item;
    struct watchset *set = watchset_new(watch, 1, 1);
    assert_non_null(set);
    watchset_find(set, SPAN_LIT("a.www.example.org"), watches_note, &hits);
    watchset_find_email(set, SPAN_LIT("a@example.com"), watches_note, &hits);
    assert_int_equal(hits.count, 0);
    watchset_find(set, SPAN_LIT("www.example.org"), watches_note, &hits);
    assert_int_equal(hits.count, 1);
    memset(&hits, 0, sizeof hits);
    watchset_find_ip(set, SPAN_LIT("\xc0\x00\x02\x07"), watches_note, &hits);
    assert_true(hits.hit[9]);
    memset(&hits, 0, sizeof hits);
    watchset_find_email(set, SPAN_LIT("x@example.net"), watches_note, &hits);
    assert_true(hits.hit[9]);
    memset(&hits, 0, sizeof hits);
    watchset_scan(set, SPAN_LIT("..www.example.org.."), watches_note, &hits);
    assert_true(hits.hit[9]);
    assert_int_equal(watchset_find_placeholder(set, SPAN_LIT("?.example.org"), NULL, NULL), 1);
    assert_int_equal(watchset_find_placeholder(set, SPAN_LIT("?.example.edu"), NULL, NULL), 0);
    watchset_unpin(set);
}

static void placeholders(void **state)
{
    static const struct {
        const char *name;
        const char *hits;
    } rows[] = {
        {"?", "1 2 3 4 5 6 7 8 9 10 "}, {"?.example.com", "1 "}, {"?.com", "1 "},
        {"?.example.org", "2 "},        {"www.?.org", "2 "},     {"?.org", "3 "},
        {"?.?", "1 3 4 5 10 "},         {"x.?.net", ""},
    };
    char text[256];
    struct watchset *set = watches_set(watched, countof(watched));
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits = {0};
        size_t count = watchset_find_placeholder(set, span_str(rows[i].name), watches_note, &hits);
        assert_int_equal(count, hits.count);
        if (strcmp(hits_text(&hits, text, sizeof text), rows[i].hits) != 0)
            fail_msg("%s: %s, not %s", rows[i].name, text, rows[i].hits);
        assert_int_equal(watchset_find_placeholder(set, span_str(rows[i].name), NULL, NULL), count);
    }
    watchset_unpin(set);
}

static void addresses(void **state)
{
    static const struct {
        uint8_t ip[16];
        size_t len;
        const char *hits;
    } rows[] = {
        {{192, 0, 2, 7}, 4, "6 9 "},
        {{192, 0, 2, 8}, 4, "6 "},
        {{192, 0, 3, 7}, 4, ""},
        {{0x20, 1, 0xd, 0xb8, 1}, 16, "7 "},
        {{0x20, 1, 0xd, 0xb9}, 16, ""},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}, 16, "6 9 "},
        {{192, 0, 2, 7}, 5, ""},
    };
    char text[256];
    struct watchset *set = watches_set(watched, countof(watched));
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watches_hits hits = {0};
        watchset_find_ip(set, span_of(rows[i].ip, rows[i].len), watches_note, &hits);
        assert_string_equal(hits_text(&hits, text, sizeof text), rows[i].hits);
    }
    watchset_unpin(set);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Names of few letters, so that they meet each other often. */
static void random_name(uint32_t *seed, char out[160], bool star)
{
    static const char *const labels[] = {"a",  "b", "ab", "com", "example", "xn--verylonglabel-abcdefgh",
                                         "www"};
    size_t count = 1 + next_random(seed) % 4;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const char *label = labels[next_random(seed) % countof(labels)];
        if (i == 0 && star && next_random(seed) % 3 == 0)
            label = "*";
        len += (size_t)snprintf(out + len, 160 - len, "%s%s", i == 0 ? "" : ".", label);
    }
}

/* The slow plain model: every watch against every name. */
static void oracle(void **state)
{
    enum { WATCHES = 400, NAMES = 20000 };
    char texts[WATCHES][164];
    const char *pointers[WATCHES];
    uint32_t seed = 12345;
    size_t hit_count = 0;
    (void)state;
    for (size_t i = 0; i < WATCHES; i++) {
        bool exact = next_random(&seed) % 2 == 0;
        char name[160];
        random_name(&seed, name, false);
        (void)snprintf(texts[i], sizeof texts[i], "%s%s", exact ? "=" : "", name);
        pointers[i] = texts[i];
    }
    struct watchset *set = watches_set(pointers, WATCHES);
    for (size_t n = 0; n < NAMES; n++) {
        char name[160];
        struct watches_hits hits = {0};
        random_name(&seed, name, true);
        watchset_find(set, span_str(name), watches_note, &hits);
        hit_count += hits.count;
        for (size_t i = 0; i < WATCHES; i++) {
            const struct watch *watch = watchset_at(set, i);
            bool expected = dns_covers(span_str(name), span_str(watch->name), !watch->exact);
            if (hits.hit[watch->id] != expected)
                fail_msg("%s against %s%s: %d", name, watch->exact ? "=" : "", watch->name, expected);
        }
    }
    assert_true(hit_count > NAMES);
    watchset_unpin(set);
}

/* Names in memory of their own that ends where they do, so that a sanitizer sees what is read beside them. */
static struct span alone(const char *text, size_t len)
{
    uint8_t *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, text, len);
    return span_of(copy, len);
}

/* Some names as they come in certificates, some hostile ones: the empty one, one of dots alone, a long one.
 */
static size_t sift_names(uint32_t *seed, struct span *out, size_t cap)
{
    static const char *const odd[] = {"", "*", "*.", ".", "..", "*.com", "?.example.com", "com.", "*a.com"};
    char text[700];
    size_t count = 0;
    for (size_t i = 0; i < countof(odd); i++)
        out[count++] = alone(odd[i], strlen(odd[i]));
    memset(text, '.', sizeof text);
    out[count++] = alone(text, sizeof text);
    memcpy(text + sizeof text - 4, ".com", 4);
    out[count++] = alone(text, sizeof text);
    while (count < cap) {
        size_t len = 0;
        for (size_t k = next_random(seed) % 3 == 0 ? 3 : 1; k > 0; k--) {
            char name[160];
            random_name(seed, name, len == 0);
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len == 0 ? "" : ".", name);
        }
        out[count++] = alone(text, len);
    }
    return count;
}

/* What many names at once find is what each of them finds alone. */
static void sifted(void **state)
{
    enum { WATCHES = 300, NAMES = 700, ROOM = 40 * NAMES };
    static struct namesift_key keys[ROOM];
    char texts[WATCHES][164];
    const char *pointers[WATCHES];
    struct span list[NAMES];
    size_t key_count = 0;
    size_t key = 0;
    size_t hit_count = 0;
    uint32_t seed = 777;
    (void)state;
    for (size_t i = 0; i < WATCHES; i++) {
        char name[160];
        random_name(&seed, name, false);
        (void)snprintf(texts[i], sizeof texts[i], "%s%s", next_random(&seed) % 2 == 0 ? "=" : "", name);
        pointers[i] = texts[i];
    }
    struct watchset *set = watches_set(pointers, WATCHES);
    size_t count = sift_names(&seed, list, NAMES);
    assert_true(watchset_sift(set, list, count, keys, ROOM, &key_count));
    for (size_t n = 0; n < count; n++) {
        struct watches_hits one = {0};
        struct watches_hits many = {0};
        watchset_find(set, list[n], watches_note, &one);
        for (; key < key_count && keys[key].name == n; key++)
            watchset_find_sifted(set, &keys[key], list[n], watches_note, &many);
        assert_memory_equal(&one, &many, sizeof one);
        hit_count += one.count;
    }
    assert_int_equal(key, key_count);
    assert_true(hit_count > NAMES);
    size_t few = 0;
    assert_false(watchset_sift(set, list, count, keys, key_count - 1, &few));
    assert_int_equal(few, key_count - 1);
    assert_true(watchset_sift(set, list, 0, keys, 0, &few));
    assert_int_equal(few, 0);
    for (size_t n = 0; n < count; n++)
        free((void *)(uintptr_t)list[n].at);
    watchset_unpin(set);
}

/* Ten thousand hosts below one parent are one key: only a wildcard touches them. */
static void siblings(void **state)
{
    enum { HOSTS = 4000 };
    char texts[HOSTS][32];
    const char *pointers[HOSTS];
    (void)state;
    for (size_t i = 0; i < HOSTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "=h%zu.example.com", i);
        pointers[i] = texts[i];
    }
    struct watchset *set = watches_set(pointers, HOSTS);
    struct watches_hits one = {0};
    struct watches_hits all = {0};
    watchset_find(set, SPAN_LIT("h77.example.com"), watches_note, &one);
    watchset_find(set, SPAN_LIT("*.example.com"), watches_note, &all);
    assert_int_equal(one.count, 1);
    assert_int_equal(all.count, HOSTS);
    watchset_unpin(set);
}

static void life(void **state)
{
    struct watchset *set = watches_set(watched, countof(watched));
    struct watchset *empty = watches_set(watched, 0);
    struct watches_hits hits = {0};
    (void)state;
    assert_int_equal(watchset_generation(set), 7);
    assert_int_equal(watchset_count(set), countof(watched));
    assert_int_equal(watchset_place(set, watchset_at(set, 3)), 3);
    assert_ptr_equal(watchset_pin(set), set);
    watchset_unpin(set);
    watchset_find(empty, SPAN_LIT("example.com"), watches_note, &hits);
    watchset_scan(empty, SPAN_LIT("example.com"), watches_note, &hits);
    assert_int_equal(hits.count, 0);
    watchset_unpin(set);
    watchset_unpin(empty);
    watchset_unpin(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),        cmocka_unit_test(other_kinds), cmocka_unit_test(several_items),
        cmocka_unit_test(placeholders), cmocka_unit_test(addresses),   cmocka_unit_test(oracle),
        cmocka_unit_test(siblings),     cmocka_unit_test(sifted),      cmocka_unit_test(life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
