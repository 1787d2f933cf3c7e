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
#include "model/cert.h"
#include "tests/fixture/watches.h"
#include "watcher/match.h"

struct found {
    const struct watchset *set;
    char bases[512];
    char watches[512];
};

static void on_watch(void *arg, const struct watch *watch)
{
    struct found *found = arg;
    size_t len = strlen(found->watches);
    if (strstr(found->watches, watch->name) == NULL)
        (void)snprintf(found->watches + len, sizeof found->watches - len, "%s ", watch->name);
}

static void on_base(void *arg, struct span base)
{
    struct found *found = arg;
    size_t len = strlen(found->bases);
    (void)snprintf(found->bases + len, sizeof found->bases - len, "%.*s ", (int)base.len,
                   (const char *)base.at);
    subtree_find(found->set, base, on_watch, found);
}

/* NameConstraints of permitted and excluded DNS names, each list of words. */
static void put_list(struct buf *out, uint8_t tag, const char *words)
{
    struct buf trees;
    buf_init(&trees, 512);
    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        buf_byte(&trees, 0x30);
        buf_byte(&trees, (uint8_t)(len + 2));
        buf_byte(&trees, 0x82);
        buf_byte(&trees, (uint8_t)len);
        buf_put(&trees, span_of(words, len));
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
    {"example.com", "", "example.com ", "example.com www.example.com "},
    {".Example.COM", "", "example.com ", "example.com www.example.com "},
    {"dev.example.com", "", "dev.example.com ", "example.com "},
    {"example.net other.test", "", "example.net other.test ", ""},
    {"com", "", "", ""},         /* a public suffix is nobody's */
    {"", "example.com", "", ""}, /* what it may not issue for */
    {"*.example.com a b", "", "", ""},
};

static void table(void **state)
{
    (void)state;
    struct watch *watches = calloc(2, sizeof *watches);
    assert_non_null(watches);
    watches[0] = watches_one("example.com", 1);
    watches[1] = watches_one("=www.example.com", 2);
    struct watchset *set = watchset_new(watches, 2, 1);
    for (size_t i = 0; i < countof(rows); i++) {
        struct found found = {.set = set};
        struct arena arena;
        struct buf der;
        buf_init(&der, 512);
        assert_true(arena_init(&arena, 1 << 16));
        constraints(&der, rows[i].permitted, rows[i].excluded);
        assert_true(subtree_each(buf_span(&der), &arena, on_base, &found));
        assert_string_equal(found.bases, rows[i].bases);
        assert_string_equal(found.watches, rows[i].watches);
        arena_fini(&arena);
        buf_fini(&der);
    }
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(raises)};
    must(dns_psl_load(SPAN_LIT("com\nnet\ntest\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
