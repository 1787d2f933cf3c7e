#include "watcher/rule_lookalike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"
#include "tests/fixture/watches.h"
#include "watcher/match.h"

#define NAMES_MAX 24

static const uint8_t good_ca[32] = {0xaa};
static const uint8_t other_ca[32] = {0xbb};

static const struct {
    const char *label;
    const char *names[6];
    const uint8_t *issuer;
    const char *alerts; /* "domain rule severity name;" for each alert that is raised, "domain ok;" for one
                           that is not */
} rows[] = {
    {"letters", {"paypa1.com"}, other_ca, "paypal.com homoglyph high paypa1.com;"},
    {"one for all names of a domain, the best",
     {"www.paypa1.com", "paypa1.com", "mail.paypa1.com"},
     other_ca,
     "paypal.com homoglyph high www.paypa1.com;"},
    {"two domains",
     {"paypa1.com", "paypall.net"},
     other_ca,
     "paypal.com homoglyph high paypa1.com;paypal.com typo low paypall.net;"},
    {"a host", {"paypal.com.evil.net"}, other_ca, "paypal.com host high paypal.com.evil.net;"},
    {"a wildcard", {"*.paypa1.com"}, other_ca, "paypal.com homoglyph high *.paypa1.com;"},
    {"another brand's domain, registered", {"paypal.de"}, good_ca, "paypal.de ok;"},
    {"below what is registered", {"paypal.com.paypal.de"}, good_ca, "paypal.de ok;"},
    {"allowed", {"paypal-community.com", "a.paypal-community.com"}, other_ca, ""},
    {"allowed host", {"paypal.com.partner.net"}, other_ca, ""},
    {"beside an allowed one",
     {"secure-paypal-community.com"},
     other_ca,
     "paypal.com combo low secure-paypal-community.com;"},
    {"own certificate", {"paypal.com", "paypal-login.net"}, good_ca, "paypal.com ok;"},
    {"own name from a strange CA",
     {"paypal.com", "paypal-login.net"},
     other_ca,
     "paypal.com allow_ca high paypal.com;paypal.com combo high paypal-login.net;"},
    {"weak, on", {"paypal.sharehost.net"}, other_ca, ""},
    {"weak, strict", {"stricter.sharehost.net"}, other_ca, "stricter.com host info stricter.sharehost.net;"},
    {"not asked for", {"silent1.com", "si1ent.com"}, other_ca, ""},
    {"nothing", {"example.org", "www.example.org"}, other_ca, ""},
};

static struct watchset *make_set(void)
{
    static const struct {
        const char *name;
        enum watch_lookalike level;
    } brands[] = {{"paypal.com", WATCH_LOOKALIKE_ON},
                  {"paypal.de", WATCH_LOOKALIKE_OFF},
                  {"stricter.com", WATCH_LOOKALIKE_STRICT},
                  {"silent.com", WATCH_LOOKALIKE_OFF}};
    struct watch *watches = calloc(countof(brands), sizeof *watches);
    assert_non_null(watches);
    for (size_t i = 0; i < countof(brands); i++) {
        struct watch *watch = &watches[i];
        *watch = watches_one(brands[i].name, (int64_t)i + 1);
        watch->lookalike = brands[i].level;
        watch->allow = calloc(1, sizeof *watch->allow);
        assert_non_null(watch->allow);
        watch->allow_count = 1;
        watch->allow->label = strdup("cert:good.pem");
        memcpy(watch->allow->spki_sha256, good_ca, 32);
    }
    watches[0].lookalike_allow.at = calloc(2, sizeof *watches[0].lookalike_allow.at);
    assert_non_null(watches[0].lookalike_allow.at);
    watches[0].lookalike_allow.at[0] = strdup("paypal-community.com");
    watches[0].lookalike_allow.at[1] = strdup("partner.net");
    watches[0].lookalike_allow.count = 2;
    struct watchset *set = watchset_new(watches, countof(brands), 42);
    assert_non_null(set);
    return set;
}

static void fill(struct issuance *issuance, struct name *names, const char *const *texts, size_t count,
                 const uint8_t *issuer)
{
    *issuance = (struct issuance){.tbs_fp = {1},
                                  .serial = SPAN_LIT("\x01"),
                                  .not_before = 1780272000,
                                  .not_after = 1780272000 + 86400,
                                  .issuer_known = true,
                                  .issuer_proven = true,
                                  .names = names};
    memcpy(issuance->issuer_spki_sha256, issuer, 32);
    for (size_t i = 0; i < count && texts[i] != NULL; i++) {
        struct span text = span_str(texts[i]);
        names[i] = (struct name){.kind = NAME_DNS, .raw = text, .text = text, .apex = dns_apex(text)};
        issuance->name_count++;
    }
}

static void put_alert(const struct alert *alert, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%.*s", (int)alert->domain.len, (const char *)alert->domain.at);
    if (alert->finding_count == 0)
        (void)snprintf(out + len, cap - len, " ok;");
    else
        (void)snprintf(out + len, cap - len, " %s %s %.*s;", alert->findings[0].rule,
                       alert_severity_name(alert->findings[0].severity), (int)alert->name.len,
                       (const char *)alert->name.at);
}

static void table(void **state)
{
    struct watchset *set = make_set();
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct batch batch;
        struct entry entry = {.kind = ENTRY_PRECERT, .leaf = SPAN_LIT("leaf")};
        struct name names[6];
        char text[512] = "";
        assert_true(batch_init(&batch, 1 << 20));
        fill(&entry.issuance, names, rows[i].names, countof(rows[i].names), rows[i].issuer);
        batch.entries = &entry;
        batch.entry_count = 1;
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        for (size_t k = 0; k < batch.alert_count; k++) {
            const struct alert *alert = &batch.alerts[k];
            put_alert(alert, text + strlen(text), sizeof text - strlen(text));
            bool alike = alert->finding_count != 0 && alert->findings[0].kind == ALERT_KIND_LOOKALIKE;
            assert_true(alike == (alert->lookalike.at != NULL));
            assert_true(!alike ||
                        (alert->findings[0].found.len != 0 && alert->findings[0].expected.len != 0));
        }
        if (strcmp(text, rows[i].alerts) != 0)
            fail_msg("%s: %s, not %s", rows[i].label, text, rows[i].alerts);
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

/* A certificate with more of them than there is room for has the worst. */
static void crowded(void **state)
{
    struct watchset *set = make_set();
    struct issuance issuance;
    struct name names[NAMES_MAX];
    char room[NAMES_MAX][32];
    const char *texts[NAMES_MAX];
    struct rule_lookalike all;
    bool worst = false;
    (void)state;
    for (size_t i = 0; i < NAMES_MAX; i++) {
        (void)snprintf(room[i], sizeof room[i], i + 1 == NAMES_MAX ? "paypa1.com" : "paypal.t%zu", i);
        texts[i] = room[i];
    }
    fill(&issuance, names, texts, NAMES_MAX, other_ca);
    assert_true(rule_lookalike_find(set, &issuance, &all));
    assert_int_equal(all.count, RULE_LOOKALIKE_MAX);
    for (size_t i = 0; i < all.count; i++)
        worst = worst || span_eq(all.found[i].apex, SPAN_LIT("paypa1.com"));
    assert_true(worst);
    watchset_unpin(set);
}

static int setup(void **state)
{
    (void)state;
    return dns_psl_load(SPAN_LIT("com\nnet\norg\nde\n"), NULL) == ERR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(crowded)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
