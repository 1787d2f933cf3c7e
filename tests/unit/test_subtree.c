/* Name constraints of CA certificates, and whom they concern. */
#include "watcher/subtree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "model/cert.h"
#include "tests/fixture/watches.h"
#include "watcher/match.h"

struct found {
    const struct watchset *set;
    char bases[512];
    char watches[512];
};

static void on_watch(void *arg, struct span base, const struct watch *watch)
{
    struct found *found = arg;
    size_t len = strlen(found->watches);
    assert_true(base.len != 0);
    if (strstr(found->watches, watch->name) == NULL)
        (void)snprintf(found->watches + len, sizeof found->watches - len, "%s ", watch->name);
}

static void find(struct found *found, struct span der, struct arena *arena)
{
    struct subtree tree;
    assert_true(subtree_read(der, arena, &tree));
    for (size_t i = 0; i < tree.count; i++) {
        size_t len = strlen(found->bases);
        (void)snprintf(found->bases + len, sizeof found->bases - len, "%.*s ", (int)tree.at[i].shown.len,
                       (const char *)tree.at[i].shown.at);
    }
    subtree_find(&tree, found->set, on_watch, found);
}

/* NameConstraints of permitted and excluded names, each list of words: "#HEX" is an address with its mask,
 * "!TEXT" a mailbox, the others are DNS names. */
static void put_list(struct buf *out, uint8_t tag, const char *words)
{
    struct buf trees;
    buf_init(&trees, 512);
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        uint8_t bytes[32];
        struct span value = span_of(words, len);
        uint8_t kind = words[0] == '#' ? 0x87 : words[0] == '!' ? 0x81 : 0x82;
        if (kind == 0x81)
            value = span_of(words + 1, len - 1);
        else if (kind == 0x87) {
            assert_true(text_unhex(span_of(words + 1, len - 1), bytes, (len - 1) / 2));
            value = span_of(bytes, (len - 1) / 2);
        }
        buf_byte(&trees, 0x30);
        buf_byte(&trees, (uint8_t)(value.len + 2));
        buf_byte(&trees, kind);
        buf_byte(&trees, (uint8_t)value.len);
        buf_put(&trees, value);
        words += len + (words[len] == ' ');
    }
    if (trees.len != 0) {
        buf_byte(out, tag);
        buf_byte(out, (uint8_t)trees.len);
        buf_put(out, buf_span(&trees));
    }
    buf_fini(&trees);
}

static void constraints(struct buf *out, const char *permitted, const char *excluded)
{
    struct buf lists;
    buf_init(&lists, 512);
    put_list(&lists, 0xa0, permitted);
    put_list(&lists, 0xa1, excluded);
    buf_byte(out, 0x30);
    buf_byte(out, (uint8_t)lists.len);
    buf_put(out, buf_span(&lists));
    buf_fini(&lists);
}

static const struct {
    const char *permitted;
    const char *excluded;
    const char *bases;
    const char *watches;
} rows[] = {
    {"example.com", "", "example.com ", "example.com www.example.com a.b.example.com "},
    {".Example.COM", "", "example.com ", "example.com www.example.com a.b.example.com "},
    {"dev.example.com", "", "dev.example.com ", "example.com "},
    {"b.example.com", "", "b.example.com ", "example.com a.b.example.com "},
    {"xample.com", "", "xample.com ", ""},
    {"example.net other.test", "", "example.net other.test ", ""},
    {"other.test example.com another.test", "", "another.test example.com other.test ",
     "example.com www.example.com a.b.example.com "},
    {"deep.test", "", "deep.test ", "x.y.z.deep.test "},
    /* A public suffix is nobody's, unless somebody watches it; nor theirs who have a name there. */
    {"com", "", "com ", ""},
    {"own.test", "", "own.test ", "own.test "},
    {"own.test shop.own.test", "", "own.test shop.own.test ", "own.test x.shop.own.test "},
    {"", "example.com", "", ""}, /* what it may not issue for */
    {"*.example.com a b", "", "a b ", ""},
    /* 192.0.2.0/24 is watched, and 2001:db8::7 */
    {"#c0000200ffffff00", "", "192.0.2.0/255.255.255.0 ", "192.0.2.0/24 "},
    {"#c0000000ffff0000", "", "192.0.0.0/255.255.0.0 ", "192.0.2.0/24 "},
    {"#c0000207ffffffff", "", "192.0.2.7/255.255.255.255 ", "192.0.2.0/24 "},
    {"#c0000307ffffffff", "", "192.0.3.7/255.255.255.255 ", ""},
    {"#0000000000000000", "", "", ""},
    {"#c0000000f0000000", "", "", ""}, /* everybody's */
    {"#c00002", "", "", ""},
    {"#20010db8000000000000000000000000ffffffff000000000000000000000000", "",
     "2001:db8::/ffff:ffff:: ", "2001:db8::7 "},
    {"#20010db9000000000000000000000000ffffffff000000000000000000000000", "", "2001:db9::/ffff:ffff:: ", ""},
    /* email:mail.example.org and email:Bob@example.edu are watched */
    {"!mail.Example.org", "", "email:mail.example.org ", "email:mail.example.org "},
    {"!.example.org", "", "email:.example.org ", "email:mail.example.org "},
    {"!example.org", "", "email:example.org ", ""}, /* of that host alone */
    {"!any@mail.example.org", "", "email:any@mail.example.org ", "email:mail.example.org "},
    {"!bob@example.edu", "", "email:bob@example.edu ", "email:bob@example.edu "},
    {"!eve@example.edu", "", "email:eve@example.edu ", ""},
    {"!example.edu", "", "email:example.edu ", "email:bob@example.edu "},
    {"!@ !. !x@ !x@com !.com !own.test", "", "", ""},
};

static void table(void **state)
{
    static const char *const names[] = {
        "example.com",  "=www.example.com", "=a.b.example.com",       "x.y.z.deep.test",
        "192.0.2.0/24", "2001:db8::7",      "email:mail.example.org", "email:bob@example.edu",
        "own.test",     "=x.shop.own.test"};
    (void)state;
    struct watch *watches = calloc(countof(names), sizeof *watches);
    assert_non_null(watches);
    for (size_t i = 0; i < countof(names); i++)
        watches[i] = watches_one(names[i], (int64_t)i + 1);
    struct watchset *set = watchset_new(watches, countof(names), 1);
    for (size_t i = 0; i < countof(rows); i++) {
        struct found found = {.set = set};
        struct arena arena;
        struct buf der;
        buf_init(&der, 512);
        assert_true(arena_init(&arena, 1 << 16));
        constraints(&der, rows[i].permitted, rows[i].excluded);
        find(&found, buf_span(&der), &arena);
        assert_string_equal(found.bases, rows[i].bases);
        assert_string_equal(found.watches, rows[i].watches);
        arena_fini(&arena);
        buf_fini(&der);
    }
    watchset_unpin(set);
}

struct counted {
    size_t hits;
    size_t too_many;
};

static void on_counted(void *arg, struct span base, const struct watch *watch)
{
    struct counted *counted = arg;
    assert_int_equal(watch->kind, WATCH_IP);
    counted->hits++;
    counted->too_many += span_eq(base, SPAN_LIT(SUBTREE_TOO_MANY));
}

/* Comparing ends, and whoever was not compared is told. */
static void too_many(void **state)
{
    enum { WATCHES = 300, RANGES = 40000 };
    struct watch *watches = calloc(WATCHES + 1, sizeof *watches);
    struct subtree_base *bases = calloc(RANGES, sizeof *bases);
    (void)state;
    assert_non_null(watches);
    assert_non_null(bases);
    for (int i = 0; i < WATCHES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "192.0.%d.%d", i / 200, i % 200);
        watches[i] = watches_one(name, i + 1);
    }
    watches[WATCHES] = watches_one("example.com", WATCHES + 1);
    struct watchset *set = watchset_new(watches, WATCHES + 1, 1);
    for (size_t i = 0; i < RANGES; i++)
        bases[i] = (struct subtree_base){.kind = WATCH_IP,
                                         .shown = SPAN_LIT("198.51.100.0/255.255.255.0"),
                                         .ip_len = 4,
                                         .ip = {198, 51, 100, 0},
                                         .mask = {255, 255, 255, 0}};
    struct subtree tree = {.at = bases, .count = RANGES, .ranges = RANGES};
    struct counted counted = {0};
    subtree_find(&tree, set, on_counted, &counted);
    assert_int_equal(counted.too_many, WATCHES - LIMIT_SUBTREE_CHECKS / RANGES);
    assert_int_equal(counted.hits, counted.too_many);
    free(bases);
    watchset_unpin(set);
}

/* A CA certificate without a name of ours that may issue for it; a leaf that has the extension may not. */
static void raises(void **state)
{
    (void)state;
    for (int ca = 0; ca < 2; ca++) {
        struct watch *watches = calloc(1, sizeof *watches);
        struct entry entry = {.kind = ENTRY_X509};
        struct batch batch;
        struct buf der;
        struct err why = {0};
        assert_non_null(watches);
        watches[0] = watches_one("example.com", 1);
        struct watchset *set = watchset_new(watches, 1, 1);
        assert_true(batch_init(&batch, 1 << 20));
        buf_init(&der, 512);
        constraints(&der, "example.com", "");
        memset(entry.issuance.tbs_fp, 1, 32);
        entry.issuance.issuer = SPAN_LIT("\x30\x00");
        entry.issuance.not_after = 86400;
        entry.issuance.cert_flags = ca != 0 ? CERT_IS_CA : 0;
        entry.cert.name_constraints = buf_span(&der);
        batch.end = 1;
        batch.entries = &entry;
        batch.entry_count = 1;
        if (match_batch(set, &batch, NULL, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(batch.alert_count, ca);
        bool said = false;
        for (size_t i = 0; ca != 0 && i < batch.alerts[0].finding_count; i++) {
            const struct alert_finding *finding = &batch.alerts[0].findings[i];
            said =
                said || (finding->kind == ALERT_KIND_CA_CERTIFICATE &&
                         memmem(finding->found.at, finding->found.len, "nameConstraints permit", 22) != NULL);
        }
        assert_int_equal(said, ca);
        if (ca != 0)
            assert_true(span_eq(batch.alerts[0].name, SPAN_LIT("example.com")));
        batch_fini(&batch);
        buf_fini(&der);
        watchset_unpin(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(too_many),
                                       cmocka_unit_test(raises)};
    must(dns_psl_load(SPAN_LIT("com\nnet\ntest\nown.test\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
