/* What is said of a log that broke its promise. */
#include "watcher/rule_sct.h"

#include "tests/fixture/sctrig.h"

/* The finding says which log, which time, until when; the alert where the certificate was seen. */
static void says_which(void **state)
{
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    (void)look(&rig);
    storetest_text(rig.test.dsn, "SELECT findings->0->>'expected' FROM alert",
                   "an entry in log log 1, by its SCT of 2026-09-21T14:13:20.000Z, by 2026-09-22T14:13:20Z");
    storetest_text(rig.test.dsn,
                   "SELECT string_agg(log || ':' || idx || ':' || form, ' ') FROM alert_sighting",
                   "2:0:final");
    rig_close(&rig);
    rig_end(&rig);
}

/* What a log of indices has in the place, and that it is no news when that is known later. */
static void says_what_is_at_its_index(void **state)
{
    static const struct promised at[] = {{1, 2, false}, {0, 0, false}};
    static const struct step before[] = {OTHER(0), OTHER(0), FINAL(1), HEAD(0, 30 * HOUR), LOOK};
    static const struct step after[] = {OTHER(0), HEAD(0, 40 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    make_final(&rig, at);
    act(&rig, before, countof(before));
    storetest_text(
        rig.test.dsn, "SELECT split_part(findings->0->>'found', ' (log_id:', 1) FROM alert",
        "the tree that it signed after its merge delay ends before that place: log log 1, as entry 2,"
        " by its SCT of 2026-09-21T14:13:20.000Z");
    tell(&rig);
    act(&rig, after, countof(after));
    check(&rig, "read later", "high sct_not_incorporated sct 1 notified", 1);
    storetest_text(rig.test.dsn, "SELECT split_part(findings->0->>'found', ': ', 1) FROM alert",
                   "that place was read and verified, and another entry is there");
    rig_close(&rig);
    rig_end(&rig);
}

/* Another log that breaks its word is news. */
static void the_second_log_is_told(void **state)
{
    static const struct promised two[] = {{1, ANYWHERE, false}, {2, ANYWHERE, false}, {0, 0, false}};
    static const struct step first[] = {FINAL(0), OTHER(1), HEAD(0, 30 * HOUR), LOOK};
    static const struct step second[] = {HEAD(1, 30 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    make_final(&rig, two);
    act(&rig, first, countof(first));
    check(&rig, "the first", "high sct_not_incorporated sct 1 new", 1);
    tell(&rig);
    act(&rig, second, countof(second));
    check(&rig, "the second", "high sct_not_incorporated sct 2 new", 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    rig_close(&rig);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_which),
        cmocka_unit_test(says_what_is_at_its_index),
        cmocka_unit_test(the_second_log_is_told),
    };
    return storetest_main(tests, countof(tests), "rule_sct");
}
