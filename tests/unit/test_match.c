#include "watcher/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/cert.h"
#include "tests/fixture/watches.h"
#include "watcher/blocklist.h"

#define NAMES_MAX 4
#define T_2026_06 INT64_C(1780272000) /* 2026-06-01: 200 days are allowed */
#define DAY       INT64_C(86400)

static const uint8_t good_ca[32] = {0xaa};
static const uint8_t other_ca[32] = {0xbb};

/* One certificate and what is said about it. */
struct row {
    const char *label;
    const char *names[NAMES_MAX];
    const uint8_t *issuer; /* NULL: unknown */
    bool unproven;
    int64_t days;
    enum finding finding; /* 0 (DER_LENGTH_NOT_MINIMAL): none that counts */
    const char *alerts;   /* "domain kind+kind;" per alert that is raised, "domain ok;" for one that is not */
};

static const struct row rows[] = {
    {"allowed", {"example.com"}, good_ca, false, 90, 0, "example.com ok;"},
    {"nobody's", {"example.net"}, other_ca, false, 9000, 0, ""},
    {"other CA", {"www.example.com"}, other_ca, false, 90, 0, "example.com unexpected_ca;"},
    {"unknown CA", {"www.example.com"}, NULL, false, 90, 0, "example.com unexpected_ca;"},
    {"claimed only", {"www.example.com"}, good_ca, true, 90, 0, "example.com unexpected_ca;"},
    {"nothing allowed", {"www.example.org"}, good_ca, false, 90, 0, "www.example.org unexpected_ca;"},
    {"wildcard", {"*.example.com"}, good_ca, false, 90, 0, "example.com unexpected_wildcard;"},
    {"wildcard is the second name",
     {"a.example.com", "*.b.example.com"},
     good_ca,
     false,
     90,
     0,
     "example.com unexpected_wildcard;"},
    {"wildcard above", {"*.com"}, good_ca, false, 90, 0, "example.com unexpected_wildcard;"},
    {"wildcard over a host",
     {"*.example.org"},
     other_ca,
     false,
     90,
     0,
     "www.example.org unexpected_ca+unexpected_wildcard;"},
    {"wildcard allowed", {"*.wild.net"}, good_ca, false, 90, 0, "wild.net ok;"},
    {"200 days", {"example.com"}, good_ca, false, 200, 0, "example.com ok;"},
    {"201 days", {"example.com"}, good_ca, false, 201, 0, "example.com over_long_validity;"},
    {"everything",
     {"*.example.com"},
     other_ca,
     false,
     400,
     0,
     "example.com unexpected_ca+unexpected_wildcard+over_long_validity;"},
    {"two domains, many names",
     {"example.com", "a.example.com", "x.wild.net", "b.example.com"},
     good_ca,
     false,
     90,
     0,
     "example.com ok;wild.net ok;"},
    {"an address", {"192.0.2.9"}, other_ca, false, 90, 0, "192.0.2.0/24 unexpected_ca;"},
    {"redacted below a watched domain",
     {"?.example.com"},
     good_ca,
     false,
     90,
     FINDING_NAME_LABEL_UNREADABLE,
     "example.com malformed;"},
    {"redacted, could be the host",
     {"?.example.org"},
     good_ca,
     false,
     90,
     FINDING_NAME_LABEL_UNREADABLE,
     "- malformed(1);"},
    {"redacted elsewhere", {"?.example.net"}, good_ca, false, 90, FINDING_NAME_LABEL_UNREADABLE, ""},
    {"could be anybody", {"?"}, good_ca, false, 90, FINDING_SAN_UNREADABLE, "- malformed(4);"},
    {"one named, the others perhaps",
     {"example.com", "?"},
     good_ca,
     false,
     90,
     FINDING_SAN_UNREADABLE,
     "example.com malformed;- malformed(3);"},
    {"broken elsewhere",
     {"example.com"},
     good_ca,
     false,
     90,
     FINDING_SCT_LIST_UNREADABLE,
     "example.com malformed;"},
    {"broken, not ours", {"example.net"}, good_ca, false, 90, FINDING_SCT_LIST_UNREADABLE, ""},
    {"names lost", {"example.net"}, good_ca, false, 90, FINDING_NAMES_TRUNCATED, "- malformed(4);"},
    {"no name at all", {NULL}, good_ca, false, 90, 0, ""},
};

static struct watchset *make_set(void)
{
    static const char *const texts[] = {"example.com", "=www.example.org", "wild.net", "192.0.2.0/24"};
    struct watch *watches = calloc(countof(texts), sizeof *watches);
    assert_non_null(watches);
    for (size_t i = 0; i < countof(texts); i++) {
        watches[i] = watches_one(texts[i], (int64_t)i + 1);
        if (i == 1)
            continue;
        watches[i].allow = calloc(1, sizeof *watches[i].allow);
        assert_non_null(watches[i].allow);
        watches[i].allow_count = 1;
        watches[i].allow->label = strdup("cert:good.pem");
        memcpy(watches[i].allow->spki_sha256, good_ca, 32);
    }
    watches[2].wildcard_allowed = true;
    struct watchset *set = watchset_new(watches, countof(texts), 42);
    assert_non_null(set);
    return set;
}

static void fill_name(struct name *name, const char *text, uint8_t ip[4])
{
    struct watch watch = {0};
    char out[IPNET_TEXT_MAX];
    *name = (struct name){.kind = NAME_DNS, .raw = span_str(text), .text = span_str(text)};
    if (ipnet_parse(text, &watch.item, out)) {
        memcpy(ip, watch.ip, 4);
        *name = (struct name){.kind = NAME_IP, .raw = span_of(ip, 4)};
    }
    if (text[0] == '*')
        name->flags |= NAME_WILDCARD;
    if (strchr(text, '?') != NULL)
        name->flags |= NAME_PLACEHOLDER;
}

static void fill_issuance(struct issuance *issuance, const struct row *row, struct name names[NAMES_MAX],
                          uint8_t ip[NAMES_MAX][4])
{
    *issuance =
        (struct issuance){.tbs_fp = {1}, .serial = SPAN_LIT("\x01"), .not_before = T_2026_06, .names = names};
    issuance->not_after = T_2026_06 + row->days * DAY - 1;
    issuance->issuer_known = row->issuer != NULL;
    issuance->issuer_proven = row->issuer != NULL && !row->unproven;
    if (row->issuer != NULL)
        memcpy(issuance->issuer_spki_sha256, row->issuer, 32);
    if (row->finding != 0)
        finding_add(&issuance->findings, row->finding);
    for (size_t i = 0; i < NAMES_MAX && row->names[i] != NULL; i++)
        fill_name(&names[issuance->name_count++], row->names[i], ip[i]);
}

static const char *alert_text(const struct alert *alert, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%.*s", alert->domain.at == NULL ? 1 : (int)alert->domain.len,
                                  alert->domain.at == NULL ? "-" : (const char *)alert->domain.at);
    for (size_t i = 0; i < alert->finding_count; i++) {
        len += (size_t)snprintf(out + len, cap - len, "%c%s", i == 0 ? ' ' : '+',
                                alert_kind_name(alert->findings[i].kind));
        assert_true(alert->findings[i].expected.len != 0 && alert->findings[i].found.len != 0);
    }
    if (alert->finding_count == 0)
        len += (size_t)snprintf(out + len, cap - len, " ok");
    if (alert->domains_concerned != 0)
        len += (size_t)snprintf(out + len, cap - len, "(%u)", (unsigned)alert->domains_concerned);
    (void)snprintf(out + len, cap - len, ";");
    return out;
}

static const char *batch_text(const struct batch *batch, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < batch->alert_count; i++) {
        (void)alert_text(&batch->alerts[i], out + len, cap - len);
        len += strlen(out + len);
    }
    return out;
}

static void table(void **state)
{
    struct watchset *set = make_set();
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct batch batch;
        struct entry entry = {.kind = ENTRY_PRECERT, .leaf = SPAN_LIT("leaf")};
        struct name names[NAMES_MAX];
        uint8_t ip[NAMES_MAX][4];
        char text[512];
        assert_true(batch_init(&batch, 1 << 20));
        fill_issuance(&entry.issuance, &rows[i], names, ip);
        batch.entries = &entry;
        batch.entry_count = 1;
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        assert_int_equal(batch.watch_generation, 42);
        if (strcmp(batch_text(&batch, text, sizeof text), rows[i].alerts) != 0)
            fail_msg("%s: %s, not %s", rows[i].label, text, rows[i].alerts);
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

/* History judges one domain at a time and says the same. */
static void one_by_one(void **state)
{
    struct watchset *set = make_set();
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct issuance issuance;
        struct name names[NAMES_MAX];
        uint8_t ip[NAMES_MAX][4];
        char all[512] = "";
        size_t len = 0;
        uint64_t nobody = 0;
        fill_issuance(&issuance, &rows[i], names, ip);
        for (size_t w = 0; w < watchset_count(set); w++) {
            struct watch *alone = calloc(1, sizeof *alone);
            struct entry entry = {.kind = ENTRY_PRECERT, .issuance = issuance};
            struct batch batch;
            assert_non_null(alone);
            *alone = *watchset_at(set, w);
            alone->name = strdup(alone->name);
            alone->allow = NULL;
            alone->owner = NULL;
            alone->allow_count = 0;
            if (watchset_at(set, w)->allow_count != 0) {
                alone->allow = calloc(1, sizeof *alone->allow);
                assert_non_null(alone->allow);
                alone->allow[alone->allow_count++] = watchset_at(set, w)->allow[0];
                alone->allow[0].label = strdup("spki:allowed");
            }
            struct watchset *one = watchset_new(alone, 1, 1);
            assert_true(batch_init(&batch, 1 << 20));
            batch.entries = &entry;
            batch.entry_count = 1;
            assert_int_equal(match_batch(one, &batch, NULL, NULL), ERR_OK);
            for (size_t k = 0; k < batch.alert_count; k++) {
                const struct alert *alert = &batch.alerts[k];
                if (alert->domain_id == ALERT_DOMAINS_NONE)
                    nobody += alert->domains_concerned;
                else
                    len += strlen(alert_text(alert, all + len, sizeof all - len));
            }
            batch_fini(&batch);
            watchset_unpin(one);
        }
        if (nobody != 0)
            (void)snprintf(all + len, sizeof all - len, "- malformed(%u);", (unsigned)nobody);
        if (strcmp(all, rows[i].alerts) != 0)
            fail_msg("%s: %s, not %s", rows[i].label, all, rows[i].alerts);
    }
    watchset_unpin(set);
}

static void opaque(void **state)
{
    static const struct {
        const char *leaf;
        const char *extra;
        const char *alerts;
    } cases[] = {
        {"xxexample.com", "", "- malformed(4);"},
        {"\x01 example.com \x02", "", "example.com malformed;- malformed(3);"},
        {"\x01", "\x82 a.WILD.net", "wild.net malformed;- malformed(3);"},
    };
    struct watchset *set = make_set();
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct batch batch;
        struct entry entry = {.kind = ENTRY_OPAQUE};
        char text[512];
        entry.leaf = span_str(cases[i].leaf);
        entry.extra = span_str(cases[i].extra);
        finding_add(&entry.findings, FINDING_LEAF_VERSION);
        assert_true(batch_init(&batch, 1 << 20));
        batch.entries = &entry;
        batch.entry_count = 1;
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        if (strcmp(batch_text(&batch, text, sizeof text), cases[i].alerts) != 0)
            fail_msg("%zu: %s, not %s", i, text, cases[i].alerts);
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

static void prove(void *arg, struct batch *batch, struct entry *entry)
{
    size_t *calls = arg;
    ++*calls;
    assert_ptr_equal(batch->entries, entry);
    entry->issuance.issuer_proven = true;
}

static void look(const struct entry *entry, struct finding_set *lint)
{
    assert_non_null(entry->cert.tbs.at);
    finding_add(lint, FINDING_POISON_IN_FINAL);
}

/* Only entries that concern somebody are worth a signature check, and its outcome counts; a closer look is
 * worth it where there is a certificate. */
static void proving(void **state)
{
    struct watchset *set = make_set();
    struct batch batch;
    struct entry entries[2] = {{.kind = ENTRY_X509}, {.kind = ENTRY_X509}};
    struct name names[2][NAMES_MAX];
    uint8_t ip[NAMES_MAX][4];
    size_t calls = 0;
    struct match_prove hook = {.prove = prove, .arg = &calls, .look = look};
    char text[512];
    (void)state;
    fill_issuance(&entries[0].issuance, &rows[4], names[0], ip);
    fill_issuance(&entries[1].issuance, &rows[1], names[1], ip);
    entries[0].cert.tbs = SPAN_LIT("a certificate");
    assert_true(batch_init(&batch, 1 << 20));
    batch.entries = entries;
    batch.entry_count = 2;
    assert_int_equal(match_batch(set, &batch, &hook, NULL), ERR_OK);
    assert_int_equal(calls, 1);
    assert_string_equal(batch_text(&batch, text, sizeof text), "example.com ok;");
    assert_non_null(batch.alerts[0].lint);
    assert_true(finding_has(batch.alerts[0].lint, FINDING_POISON_IN_FINAL));
    entries[0].cert.tbs = SPAN_NONE;
    arena_rewind(&batch.arena, 0);
    assert_int_equal(match_batch(set, &batch, &hook, NULL), ERR_OK);
    assert_null(batch.alerts[0].lint);
    batch_fini(&batch);
    watchset_unpin(set);
}

/* What comes with the entry comes with its alert: where it is, and keys that others have. */
static void what_comes_along(void **state)
{
    static const uint8_t spki[32] = {0x5e, 1};
    char path[] = "/tmp/match.XXXXXX";
    char line[80];
    char hex[65];
    struct watchset *set = make_set();
    struct blocklist *list = NULL;
    struct batch batch;
    struct entry entry = {.kind = ENTRY_X509, .sighting = {.log_id = 7, .index = 88, .timestamp_ms = 99}};
    struct name names[NAMES_MAX];
    uint8_t ip[NAMES_MAX][4];
    struct match_prove hook = {.prove = NULL};
    char text[512];
    int fd = mkstemp(path);
    (void)state;
    int len = snprintf(line, sizeof line, "%s\n", text_hex(span_of(spki, 32), hex));
    assert_true(fd >= 0 && write(fd, line, (size_t)len) == len);
    assert_int_equal(close(fd), 0);
    assert_int_equal(blocklist_read(path, &list, NULL), ERR_OK);
    fill_issuance(&entry.issuance, &rows[0], names, ip);
    memcpy(entry.issuance.spki_sha256, spki, 32);
    assert_true(batch_init(&batch, 1 << 20));
    batch.entries = &entry;
    batch.entry_count = 1;
    for (int listed = 0; listed < 2; listed++) {
        arena_rewind(&batch.arena, 0);
        hook.blocklist = listed == 0 ? NULL : list;
        assert_int_equal(match_batch(set, &batch, &hook, NULL), ERR_OK);
        assert_string_equal(batch_text(&batch, text, sizeof text),
                            listed == 0 ? "example.com ok;" : "example.com compromised_key;");
        assert_int_equal(batch.alert_count, 1);
        assert_int_equal(batch.alerts[0].sighting.log_id, 7);
        assert_int_equal(batch.alerts[0].sighting.index, 88);
        assert_int_equal(batch.alerts[0].sighting.timestamp_ms, 99);
    }
    batch_fini(&batch);
    blocklist_unpin(list);
    watchset_unpin(set);
    assert_int_equal(unlink(path), 0);
}

/* A full arena is told, never a shorter list of alerts. */
static void no_room(void **state)
{
    struct watchset *set = make_set();
    struct batch batch;
    struct entry entries[64];
    struct name names[NAMES_MAX];
    uint8_t ip[NAMES_MAX][4];
    (void)state;
    for (size_t i = 0; i < countof(entries); i++) {
        entries[i] = (struct entry){.kind = ENTRY_PRECERT};
        fill_issuance(&entries[i].issuance, &rows[13], names, ip);
    }
    for (size_t room = 4096; room < 200000; room += 4096) {
        assert_true(batch_init(&batch, room));
        batch.entries = entries;
        batch.entry_count = countof(entries);
        enum err_code code = match_batch(set, &batch, NULL, NULL);
        assert_true(code == ERR_TOO_BIG ? batch.alert_count == 0 : batch.alert_count == countof(entries));
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

/* One entry that concerns more watches than a big batch has room to list: the entries before it keep their
 * alerts, it gets one that counts, and it is never refused. */
static void more_than_fits(void **state)
{
    enum { WATCHES = 3000 };
    struct watch *watches = calloc(WATCHES, sizeof *watches);
    struct entry entries[3] = {{.kind = ENTRY_PRECERT}, {.kind = ENTRY_PRECERT}, {.kind = ENTRY_PRECERT}};
    struct name *names = calloc(WATCHES, sizeof *names);
    struct name few[1];
    struct batch batch;
    bool summed = false;
    bool listed = false;
    (void)state;
    assert_true(watches != NULL && names != NULL);
    for (size_t i = 0; i < WATCHES; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "d%zu.test", i);
        watches[i] = watches_one(text, (int64_t)i + 1);
        names[i] = (struct name){.kind = NAME_DNS, .text = span_str(watches[i].name)};
    }
    few[0] = names[7];
    struct watchset *set = watchset_new(watches, WATCHES, 1);
    assert_non_null(set);
    for (size_t i = 0; i < 3; i++) {
        entries[i].issuance.names = i == 1 ? names : few;
        entries[i].issuance.name_count = i == 1 ? WATCHES : 1;
    }
    for (size_t room = 128 << 10; room <= 16 << 20; room *= 2) {
        assert_true(batch_init(&batch, room));
        batch.big = true;
        batch.entries = entries;
        batch.entry_count = 3;
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        assert_true(batch.alert_count == 3 || batch.alert_count == WATCHES + 2);
        assert_int_equal(batch.alerts[0].domain_id, 8);
        assert_int_equal(batch.alerts[batch.alert_count - 1].domain_id, 8);
        assert_int_equal(batch.alerts[batch.alert_count - 1].entry_at, 2);
        if (batch.alert_count == 3) {
            assert_int_equal(batch.alerts[1].domain_id, ALERT_DOMAINS_NONE);
            assert_int_equal(batch.alerts[1].domains_concerned, WATCHES);
            assert_int_equal(batch.alerts[1].entry_at, 1);
        }
        summed = summed || batch.alert_count == 3;
        listed = batch.alert_count != 3;
        batch_fini(&batch);
    }
    assert_true(summed && listed);
    watchset_unpin(set);
    free(names);
}

static void nobody_watches(void **state)
{
    struct watchset *set = watches_set(NULL, 0);
    struct batch batch;
    static struct name vague = {
        .kind = NAME_DNS, .flags = NAME_PLACEHOLDER, .raw = SPAN_LIT("a\xff"), .text = SPAN_LIT("?.test")};
    struct entry entries[3] = {
        {.kind = ENTRY_OPAQUE, .leaf = SPAN_LIT("x"), .extra = SPAN_LIT("")},
        {.kind = ENTRY_X509, .leaf = SPAN_LIT("x"), .issuance = {.names = &vague, .name_count = 1}},
        {.kind = ENTRY_X509, .leaf = SPAN_LIT("x")},
    };
    (void)state;
    finding_add(&entries[2].issuance.findings, FINDING_NAMES_TRUNCATED);
    for (int big = 0; big < 2; big++) {
        assert_true(batch_init(&batch, 1 << 18));
        batch.big = big != 0;
        batch.entries = entries;
        batch.entry_count = countof(entries);
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        /* What can not be read is told; a name that can, but for a label, waits for who comes later. */
        assert_int_equal(batch.alert_count, 2);
        for (size_t i = 0; i < batch.alert_count; i++) {
            assert_int_equal(batch.alerts[i].domain_id, ALERT_DOMAINS_NONE);
            assert_int_equal(batch.alerts[i].findings[0].kind, ALERT_KIND_MALFORMED);
            assert_int_equal(batch.alerts[i].entry_at, 2 * i);
        }
        assert_int_equal(batch.watch_generation, 7);
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

/* The address of the certificate, not the range that is watched; of several the smallest, whatever their
 * order. */
static void addresses_are_named(void **state)
{
    static const char *const texts[] = {"192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.7"};
    static uint8_t high[4] = {192, 0, 2, 200};
    static uint8_t low[4] = {192, 0, 2, 9};
    static uint8_t six[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
    static uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7};
    struct span raws[] = {span_of(mapped, 16), span_of(high, 4), span_of(six, 16), span_of(low, 4)};
    struct watchset *set = watches_set(texts, countof(texts));
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct name names[4];
        struct batch batch;
        struct entry entry = {.kind = ENTRY_PRECERT, .issuance = {.names = names, .name_count = 4}};
        for (size_t i = 0; i < 4; i++)
            names[i] = (struct name){.kind = NAME_IP, .raw = raws[turn == 0 ? i : 3 - i]};
        assert_true(batch_init(&batch, 1 << 18));
        batch.entries = &entry;
        batch.entry_count = 1;
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
        assert_int_equal(batch.alert_count, 3);
        for (size_t i = 0; i < 3; i++) {
            static const char *const shown[] = {"192.0.2.9", "2001:db8::1", "::ffff:192.0.2.7"};
            const struct alert *alert = &batch.alerts[i];
            assert_true(span_eq(alert->name, span_str(shown[alert->domain_id - 1])));
        }
        batch_fini(&batch);
    }
    watchset_unpin(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(opaque),
        cmocka_unit_test(proving),
        cmocka_unit_test(what_comes_along),
        cmocka_unit_test(no_room),
        cmocka_unit_test(more_than_fits),
        cmocka_unit_test(nobody_watches),
        cmocka_unit_test(addresses_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
