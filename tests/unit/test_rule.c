/* Policies as they are stored, held against certificates by the way everything goes: matched, then judged. */
#include "watcher/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"
#include "db/watchjson.h"
#include "model/cert.h"
#include "model/signing.h"
#include "tests/fixture/watches.h"
#include "watcher/match.h"

#define HEX(c)    #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c #c
#define HASH(c)   HEX(c) HEX(c)
#define T_2026_06 INT64_C(1780272000)
#define DAY       INT64_C(86400)
#define NAMES_MAX 5
#define ALLOWED   "\"allow\":[{\"sha256\":\"" HASH(aa) "\",\"label\":\"cert:ours.pem\"}]"

struct row {
    const char *label;
    const char *policy; /* of example.com, beside ALLOWED */
    const char *names[NAMES_MAX];
    int ca; /* first octet of the issuer's key */
    int key;
    int days;
    uint32_t flags;
    const char *findings; /* "kind:severity rule, ..." */
    const char *expected; /* part of the text of the last finding */
    const char *found;
};

#define LEARN(state)                                                                                         \
    "\"keys\":{\"mode\":\"enforce\",\"learn\":{\"days\":2" state                                             \
    "},\"learned\":[{\"sha256\":\"" HASH(03) "\",\"label\":\"" HASH(03) "\"}]}"
#define USUAL "www.example.com"

static const struct row rows[] = {
    {"nothing beside the CA", "", {USUAL}, 0xaa, 1, 90, 0, "", "", ""},
    {"another CA", "", {USUAL}, 0xbb, 1, 90, 0, "unexpected_ca:high allow_ca", "cert:ours.pem", "spki:bbbb"},
    {"denied",
     "\"deny\":[{\"sha256\":\"" HASH(bb) "\",\"label\":\"ca:Bad\"}]",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:high deny_ca",
     "none of the denied CAs: spki:bbbb",
     "spki:bbbb"},
    {"the certificate itself is known: whoever issued it",
     "\"keys\":{\"tbs\":[{\"sha256\":\"" HASH(77) "\",\"label\":\"tbs\"}]}",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"its key is known, and another CA allowed",
     "\"keys\":{\"spki\":[{\"sha256\":\"" HASH(01) "\",\"label\":\"lb\"}]}",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:high allow_ca",
     "cert:ours.pem",
     ""},
    {"its key is known where no CA is allowed",
     "\"allow\":[],\"keys\":{\"spki\":[{\"sha256\":\"" HASH(01) "\",\"label\":\"lb\"}]}",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"another key where no CA is allowed",
     "\"allow\":[],\"keys\":{\"spki\":[{\"sha256\":\"" HASH(01) "\",\"label\":\"lb\"}]}",
     {USUAL},
     0xbb,
     2,
     90,
     0,
     "unexpected_ca:high allow_ca",
     "no CA is allowed",
     ""},
    {"denied, and the certificate known",
     "\"keys\":{\"tbs\":[{\"sha256\":\"" HASH(77) "\",\"label\":\"tbs\"}]},\"deny\":[{\"sha256\":\"" HASH(
         bb) "\",\"label\":\"ca:Bad\"}]",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:high deny_ca",
     "",
     ""},
    {"keys of one name of a CA are told together",
     "\"allow\":[{\"sha256\":\"" HASH(11) "\",\"label\":\"ca.test\"},{\"sha256\":\"" HASH(
         22) "\",\"label\":\"ca.test\"},{\"sha256\":\"" HASH(33) "\",\"label\":\"ca:One\"}]",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:high allow_ca",
     "ca.test (2 keys), spki:3333",
     ""},
    {"severity of one's own",
     "\"severity\":{\"unexpected_ca\":\"critical\"}",
     {USUAL},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:critical allow_ca",
     "",
     ""},
    {"key that is known",
     "\"keys\":{\"mode\":\"enforce\",\"spki\":[{\"sha256\":\"" HASH(01) "\",\"label\":\"lb\"}]}",
     {USUAL},
     0xaa,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"key that is not",
     "\"keys\":{\"mode\":\"enforce\",\"spki\":[{\"sha256\":\"" HASH(01) "\",\"label\":\"lb\"}]}",
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "unexpected_key:high keys",
     "(lb)",
     "spki:0202"},
    {"while keys are learned none is asked for",
     LEARN(",\"until\":\"2026-06-03T00:00:00Z\""),
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "",
     "",
     ""},
    {"logged after the end, and what was learned is not known yet",
     LEARN(",\"until\":\"2026-06-01T12:00:00Z\""),
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "",
     "",
     ""},
    {"logged before the end",
     LEARN(",\"until\":\"2026-06-03T00:00:00Z\",\"over\":true"),
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "",
     "",
     ""},
    {"another key than those that were learned",
     LEARN(",\"until\":\"2026-06-01T12:00:00Z\",\"over\":true"),
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "unexpected_key:high keys",
     "learned from what was issued: spki:0303",
     "spki:0202"},
    {"a key that was learned",
     LEARN(",\"until\":\"2026-06-01T12:00:00Z\",\"over\":true"),
     {USUAL},
     0xaa,
     3,
     90,
     0,
     "",
     "",
     ""},
    {"an advice",
     "\"keys\":{\"mode\":\"advise\"}",
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "unexpected_key:low keys",
     "no key is known",
     "spki:0202"},
    {"the certificate itself is known",
     "\"keys\":{\"mode\":\"enforce\",\"tbs\":[{\"sha256\":\"" HASH(77) "\",\"label\":\"tbs\"}]}",
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "",
     "",
     ""},
    {"planned, in time",
     "\"keys\":{\"mode\":\"enforce\"},\"expect\":[{\"spki\":\"" HASH(02) "\",\"until\":\"2026-06-01\","
                                                                         "\"note\":\"new LB\"}]",
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "expected_issuance:info expect",
     "logged before 2026-06-01 (new LB)",
     "spki:0202"},
    {"planned, too late",
     "\"keys\":{\"mode\":\"enforce\"},\"expect\":[{\"spki\":\"" HASH(02) "\",\"until\":\"2026-05-31\"}]",
     {USUAL},
     0xaa,
     2,
     90,
     0,
     "unexpected_key:high keys",
     "",
     ""},
    {"wildcard nobody expects",
     "",
     {"*.example.com"},
     0xaa,
     1,
     90,
     0,
     "unexpected_wildcard:high wildcard",
     "no wildcard name",
     "*.example.com"},
    {"wildcard of the list",
     "\"wildcard\":[\"*.cdn.example.com\"]",
     {"*.cdn.example.com"},
     0xaa,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"the second wildcard is not",
     "\"wildcard\":[\"*.cdn.example.com\"]",
     {"*.cdn.example.com", "*.example.com"},
     0xaa,
     1,
     90,
     0,
     "unexpected_wildcard:high wildcard",
     "*.cdn.example.com",
     "*.example.com"},
    {"any wildcard", "\"wildcard\":true", {"*.example.com"}, 0xaa, 1, 90, 0, "", "", ""},
    {"days of one's own",
     "\"max_days\":100",
     {USUAL},
     0xaa,
     1,
     101,
     0,
     "over_long_validity:low max_days",
     "at most 100 days, as this entry asks for",
     "101 days"},
    {"more days than the forum has", "\"max_days\":400", {USUAL}, 0xaa, 1, 300, 0, "", "", ""},
    {"schedule", "", {USUAL}, 0xaa, 1, 201, 0, "over_long_validity:low max_days", "at most 200 days", ""},
    {"names of the list",
     "\"names\":{\"allow\":[\"www.example.com\",\"*.api.example.com\"]}",
     {USUAL, "x.api.example.com", "a.b.api.example.com"},
     0xaa,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"the third is a stranger",
     "\"names\":{\"allow\":[\"www.example.com\",\"*.api.example.com\"]}",
     {USUAL, "x.api.example.com", "api.example.com"},
     0xaa,
     1,
     90,
     0,
     "unexpected_name:high names",
     "www.example.com, *.api.example.com",
     "api.example.com"},
    {"a listed wildcard is no stranger",
     "\"names\":{\"allow\":[\"www.example.com\"]},\"wildcard\":[\"*.cdn.example.com\"]",
     {USUAL, "*.cdn.example.com"},
     0xaa,
     1,
     90,
     0,
     "",
     "",
     ""},
    {"not ours",
     "\"exclude\":[\"shop.example.com\"]",
     {"a.shop.example.com", "*.shop.example.com"},
     0xbb,
     1,
     90,
     0,
     "-",
     "",
     ""},
    {"one is ours",
     "\"exclude\":[\"shop.example.com\"]",
     {"shop.example.com", "myshop.example.com"},
     0xbb,
     1,
     90,
     0,
     "unexpected_ca:high allow_ca",
     "",
     ""},
    {"a wildcard above covers more",
     "\"exclude\":[\"shop.example.com\"]",
     {"*.example.com"},
     0xaa,
     1,
     90,
     0,
     "unexpected_wildcard:high wildcard",
     "",
     ""},
    {"others beside us",
     "\"names\":{\"foreign_san\":\"high\"}",
     {USUAL, "example.org", "www.example.net", "?.example.com"},
     0xaa,
     1,
     90,
     0,
     "foreign_san:high foreign_san",
     "no name of a domain that is not registered here",
     "www.example.net"},
    {"internal names are nobody's",
     "\"names\":{\"foreign_san\":\"warn\"}",
     {USUAL, "intranet"},
     0xaa,
     1,
     90,
     0,
     "foreign_san:low foreign_san",
     "",
     "intranet"},
    {"nobody asked", "", {USUAL, "www.example.net"}, 0xaa, 1, 90, 0, "", "", ""},
    {"key type", "\"key_types\":[\"ec-p256\",\"rsa-2048\"]", {USUAL}, 0xaa, 1, 90, 0, "", "", ""},
    {"another key type",
     "\"key_types\":[\"ec-p256\"]",
     {USUAL},
     0xaa,
     1,
     90,
     0,
     "unexpected_type:low key_types",
     "ec-p256",
     "rsa-2048"},
    {"a size or more", "\"key_types\":[\"rsa-2048+\"]", {USUAL}, 0xaa, 1, 90, 0, "", "", ""},
    {"another kind of a size, and too short",
     "\"key_types\":[\"rsa-pss-1024+\",\"ec-p224+\",\"rsa-2049+\"]",
     {USUAL},
     0xaa,
     1,
     90,
     0,
     "unexpected_type:low key_types",
     "rsa-2049+",
     "rsa-2048"},
    {"signed as expected", "\"signatures\":[\"ed448\",\"rsa-sha384\"]", {USUAL}, 0xaa, 1, 90, 0, "", "", ""},
    {"signed another way",
     "\"signatures\":[\"ecdsa-sha384\",\"rsa-sha256\"]",
     {USUAL},
     0xaa,
     1,
     90,
     0,
     "unexpected_type:low signatures",
     "ecdsa-sha384, rsa-sha256",
     "rsa-sha384"},
    {"DV", "\"policy\":[\"dv\"]", {USUAL}, 0xaa, 1, 90, CERT_POLICY_DV, "", "", ""},
    {"EV",
     "\"policy\":[\"dv\"]",
     {USUAL},
     0xaa,
     1,
     90,
     CERT_POLICY_EV,
     "unexpected_type:low policy",
     "dv",
     "ev"},
    {"nothing said",
     "\"policy\":[\"dv\",\"ov\"]",
     {USUAL},
     0xaa,
     1,
     90,
     0,
     "unexpected_type:low policy",
     "dv, ov",
     "does not say"},
    {"a CA", "", {USUAL}, 0xaa, 1, 3000, CERT_IS_CA, "ca_certificate:critical ca", "", "CA:TRUE"},
    {"all at once",
     "\"keys\":{\"mode\":\"enforce\"},\"names\":{\"allow\":[\"www.example.com\"],\"foreign_san\":\"warn\"},"
     "\"key_types\":[\"ec-p256\"],\"policy\":[\"ov\"]",
     {"*.example.com", "x.example.net"},
     0xbb,
     1,
     500,
     0,
     "unexpected_ca:high allow_ca, unexpected_key:high keys, unexpected_wildcard:high wildcard, "
     "unexpected_name:high names, foreign_san:low foreign_san, over_long_validity:low max_days, "
     "unexpected_type:low key_types, unexpected_type:low policy",
     "",
     ""},
};

static struct watchset *set_of(const char *policy)
{
    struct watch *watches = calloc(2, sizeof *watches);
    char json[2048];
    char path[WATCHJSON_PATH_MAX];
    struct err why = {0};
    assert_non_null(watches);
    bool own = strncmp(policy, "\"allow\"", 7) == 0;
    (void)snprintf(json, sizeof json, "{%s%s%s}", own ? "" : ALLOWED, own || policy[0] == '\0' ? "" : ",",
                   policy);
    struct watch other = watches_one("example.org", 2);
    if (watchjson_read(json, &watches[0], path, &why) != ERR_OK)
        fail_msg("%s: %s", json, why.text);
    watches[0].id = 1;
    watches[0].name = strdup("example.com");
    watches[1] = other;
    struct watchset *set = watchset_new(watches, 2, 1);
    assert_non_null(set);
    return set;
}

static size_t fill_names(const struct row *row, struct name names[NAMES_MAX])
{
    size_t count = 0;
    while (count < NAMES_MAX && row->names[count] != NULL) {
        struct span text = span_str(row->names[count]);
        names[count] = (struct name){.kind = NAME_DNS, .raw = text, .text = text};
        names[count].flags |= text.at[0] == '*' ? NAME_WILDCARD : 0u;
        names[count].flags |= text.at[0] == '?' ? NAME_PLACEHOLDER : 0u;
        count++;
    }
    return count;
}

static bool is_in(struct span text, const char *part)
{
    return part[0] == '\0' || memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static void check(const struct row *row, const struct batch *batch)
{
    char text[1024] = "-";
    size_t len = 0;
    for (size_t i = 0; i < batch->alert_count; i++) {
        const struct alert *alert = &batch->alerts[i];
        if (alert->domain_id != 1)
            continue;
        text[0] = '\0';
        for (size_t k = 0; k < alert->finding_count; k++) {
            const struct alert_finding *finding = &alert->findings[k];
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s:%s %s", k == 0 ? "" : ", ",
                                    alert_kind_name(finding->kind), alert_severity_name(finding->severity),
                                    finding->rule);
            assert_true(finding->expected.len != 0 && finding->found.len != 0);
        }
        if (alert->finding_count == 0)
            continue;
        const struct alert_finding *last = &alert->findings[alert->finding_count - 1];
        if (!is_in(last->expected, row->expected) || !is_in(last->found, row->found))
            fail_msg("%s: expected %.*s, found %.*s", row->label, (int)last->expected.len,
                     (const char *)last->expected.at, (int)last->found.len, (const char *)last->found.at);
    }
    if (strcmp(text, row->findings) != 0)
        fail_msg("%s: %s, not %s", row->label, text, row->findings);
}

static void judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct row *row = &rows[i];
        struct batch batch;
        struct name names[NAMES_MAX];
        struct entry entry = {.kind = ENTRY_PRECERT, .leaf = SPAN_LIT("leaf")};
        struct err why = {0};
        struct watchset *set = set_of(row->policy);
        entry.issuance = (struct issuance){.serial = SPAN_LIT("\x01"),
                                           .not_before = T_2026_06,
                                           .not_after = T_2026_06 + row->days * DAY - 1,
                                           .issuer_known = true,
                                           .issuer_proven = true,
                                           .cert_flags = row->flags,
                                           .key_alg = CERT_KEY_RSA,
                                           .key_bits = 2048,
                                           .signing = SIGNING_RSA_SHA384,
                                           .names = names};
        entry.issuance.name_count = fill_names(row, names);
        memset(entry.issuance.tbs_fp, 0x77, 32);
        memset(entry.issuance.issuer_spki_sha256, row->ca, 32);
        memset(entry.issuance.spki_sha256, row->key, 32);
        entry.sighting.timestamp_ms = (T_2026_06 + DAY) * 1000 - 1;
        assert_true(batch_init(&batch, 1 << 20));
        batch.entries = &entry;
        batch.entry_count = 1;
        assert_int_equal(match_batch(set, &batch, NULL, &why), ERR_OK);
        check(row, &batch);
        batch_fini(&batch);
        watchset_unpin(set);
    }
}

static int setup(void **state)
{
    (void)state;
    return dns_psl_load(SPAN_NONE, NULL) == ERR_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judged)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
