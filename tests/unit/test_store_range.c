/* Ranges that are cut and joined, in the database: two stores, moved meanwhile, one too many. */
#include "tests/fixture/storetest.h"

#include "base/limits.h"
#include "base/text.h"
#include "db/meet.h"

struct fixture {
    struct storetest test;
    struct store *store;
    struct err why;
};

static void fixture_start(struct fixture *fix)
{
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
}

static void check_ok(const struct fixture *fix, enum err_code code)
{
    if (code != ERR_OK)
        fail_msg("%s", fix->why.text);
}

static void commit(struct fixture *fix, struct store_range *range, size_t count)
{
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &fix->test.log[0], range->next, range->next, count);
    storetest_must_commit(fix->store, range, &batch);
    batch_fini(&batch);
}

static void load(struct fixture *fix, struct store_range *ranges, size_t expected)
{
    size_t count = 0;
    check_ok(fix, fix->store->ops->ranges(fix->store, 1, ranges, LIMIT_RANGES, &count, &fix->why));
    assert_int_equal(count, expected);
}

static void a_cut_raises_the_epoch_of_who_reads(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct store_range ranges[LIMIT_RANGES];
    struct batch batch;
    bool cut = false;
    fixture_start(&fix);
    storetest_take(fix.store, 1, &range);
    struct store_range before = range;
    commit(&fix, &range, 100);
    /* The position has moved since it was looked at: no reason not to. */
    check_ok(&fix, fix.store->ops->range_split(fix.store, &before, 512, &cut, &fix.why));
    assert_true(cut);
    load(&fix, ranges, 2);
    assert_int_equal(ranges[0].id, range.id);
    assert_int_equal(ranges[0].end, 512);
    assert_int_equal(ranges[0].next, 100);
    assert_int_equal(ranges[0].epoch, range.epoch + 1);
    assert_int_equal(ranges[1].begin, 512);
    assert_int_equal(ranges[1].next, 512);
    assert_int_equal(ranges[1].verified, 512);
    assert_int_equal(ranges[1].begin_frontier.size, 0);
    assert_true(ranges[1].end == STORE_RANGE_OPEN);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &fix.test.log[0], 100, 100, 20);
    assert_int_equal(storetest_commit(fix.store, &range, &batch, &fix.why), ERR_DB_CONFLICT);
    batch_fini(&batch);
    /* Nor is it cut again by who knows it as it was, nor where it is read already. */
    check_ok(&fix, fix.store->ops->range_split(fix.store, &before, 256, &cut, &fix.why));
    assert_false(cut);
    commit(&fix, &ranges[0], 160);
    check_ok(&fix, fix.store->ops->range_split(fix.store, &ranges[0], 256, &cut, &fix.why));
    assert_false(cut);
    load(&fix, ranges, 2);
    fix.store->ops->free(fix.store);
}

static void there_are_not_too_many(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[LIMIT_RANGES];
    bool cut = true;
    fixture_start(&fix);
    for (size_t i = 1; i < LIMIT_RANGES; i++) {
        load(&fix, ranges, i);
        check_ok(&fix, fix.store->ops->range_split(fix.store, &ranges[i - 1], 256 * i, &cut, &fix.why));
        assert_true(cut);
    }
    load(&fix, ranges, LIMIT_RANGES);
    check_ok(&fix, fix.store->ops->range_split(fix.store, &ranges[LIMIT_RANGES - 1], 256 * LIMIT_RANGES, &cut,
                                               &fix.why));
    assert_false(cut);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_range WHERE log = 1", LIMIT_RANGES);
    fix.store->ops->free(fix.store);
}

/* [0, 256) is read, and behind it a range with what the row says; what comes of the meeting is in the row. */
static const struct meeting {
    const char *name;
    uint64_t next; /* of the upper one */
    uint64_t verified;
    uint8_t proven; /* byte of its proven frontier; 0: none */
    uint8_t base;   /* of its verified one; 0: none */
    uint8_t lower;  /* of the lower one's; 0: none */
    bool blind;
    enum store_meet met;
    uint64_t joined_verified;
    uint64_t joined_frontier; /* its size; 0: not known */
} meetings[] = {
    {"equal, verified above", 400, 400, 7, 9, 7, false, STORE_MEET_JOINED, 400, 400},
    {"equal, nothing verified above", 400, 256, 7, 7, 7, false, STORE_MEET_JOINED, 256, 400},
    {"equal, unread above", 256, 256, 7, 0, 7, false, STORE_MEET_JOINED, 256, 256},
    {"unequal", 400, 400, 8, 9, 7, false, STORE_MEET_DIFFERS, 0, 0},
    {"unequal, unread above", 256, 256, 8, 0, 7, false, STORE_MEET_DIFFERS, 0, 0},
    {"unequal is not to be had blindly", 400, 400, 8, 9, 7, true, STORE_MEET_DIFFERS, 0, 0},
    {"unknown, unread above", 256, 256, 0, 0, 7, false, STORE_MEET_JOINED, 0, 256},
    {"unknown both, unread above", 256, 256, 0, 0, 0, false, STORE_MEET_JOINED, 0, 0},
    {"unknown", 400, 256, 0, 0, 7, false, STORE_MEET_LENT, 0, 0},
    {"unknown, lent already", 400, 256, 0, 7, 7, false, STORE_MEET_WAITS, 0, 0},
    {"unknown, lent another one", 400, 256, 0, 6, 7, false, STORE_MEET_LENT, 0, 0},
    {"unknown, lent, of no use", 400, 256, 0, 7, 7, true, STORE_MEET_JOINED, 0, 0},
    {"unknown both", 400, 256, 0, 0, 0, false, STORE_MEET_WAITS, 0, 0},
    {"unknown both, for good", 400, 256, 0, 0, 0, true, STORE_MEET_JOINED, 0, 0},
    {"unknown below", 400, 400, 7, 9, 0, true, STORE_MEET_WAITS, 0, 0},
    {"verified above, on what is not remembered", 400, 400, 0, 9, 7, true, STORE_MEET_WAITS, 0, 0},
};

static void frontier_text(char *out, size_t cap, uint64_t size, uint8_t byte)
{
    struct compact compact = {.size = size};
    uint8_t room[COMPACT_BYTES_MAX];
    char hex[2 * COMPACT_BYTES_MAX + 1];
    memset(compact.hash, byte, sizeof compact.hash);
    if (byte == 0)
        snprintf(out, cap, "NULL");
    else
        snprintf(out, cap, "'\\x%s'", text_hex(span_of(room, compact_store(&compact, room)), hex));
}

static void meet_once(struct fixture *fix, const struct meeting *row)
{
    static char sql[20000];
    char lower[4096];
    char proven[4096];
    char base[4096];
    char frontier[4096];
    struct store_range ranges[LIMIT_RANGES];
    enum store_meet met;
    frontier_text(lower, sizeof lower, 256, row->lower);
    frontier_text(proven, sizeof proven, 256, row->proven);
    frontier_text(base, sizeof base, row->verified, row->base);
    frontier_text(frontier, sizeof frontier, row->next,
                  row->proven != 0 && row->next > 256 ? 9 : row->proven);
    snprintf(
        sql, sizeof sql,
        "DELETE FROM log_range WHERE log = 1;"
        "INSERT INTO log_range (log, range_begin, range_end, next, verified, frontier, verified_frontier,"
        " begin_frontier, epoch) VALUES (1, 0, 256, 256, 0, %s, NULL, NULL, 3),"
        " (1, 256, NULL, %d, %d, %s, %s, %s, 8)",
        lower, (int)row->next, (int)row->verified, frontier, base, proven);
    storetest_run(fix->test.dsn, sql);
    load(fix, ranges, 2);
    struct store_range upper = ranges[1];
    check_ok(fix, fix->store->ops->range_meet(fix->store, &ranges[0], row->blind, &met, &fix->why));
    if (met != row->met)
        fail_msg("%s: %d", row->name, (int)met);
    bool changed = met == STORE_MEET_JOINED || met == STORE_MEET_LENT;
    load(fix, ranges, met == STORE_MEET_JOINED ? 1 : 2);
    struct store_range *now = met == STORE_MEET_JOINED ? &ranges[0] : &ranges[1];
    assert_int_equal(now->id, upper.id);
    assert_int_equal(now->epoch, changed ? 9 : 8);
    assert_int_equal(now->next, row->next);
    if (met == STORE_MEET_LENT) {
        assert_int_equal(now->verified_frontier.size, 256);
        assert_int_equal(now->verified_frontier.hash[0][0], row->lower);
        assert_int_equal(now->verified, 256);
    }
    if (met != STORE_MEET_JOINED)
        return;
    if (now->verified != row->joined_verified || now->frontier.size != row->joined_frontier)
        fail_msg("%s: verified %d, frontier %d", row->name, (int)now->verified, (int)now->frontier.size);
    assert_int_equal(now->begin, 0);
    assert_true(now->end == STORE_RANGE_OPEN);
    assert_true(now->verified == 0 || now->verified_frontier.size == now->verified);
}

static void what_comes_of_a_meeting(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    for (size_t i = 0; i < countof(meetings); i++)
        meet_once(&fix, &meetings[i]);
    fix.store->ops->free(fix.store);
}

static void who_was_overtaken_joins_nothing(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct store_range ranges[LIMIT_RANGES];
    enum store_meet met;
    bool cut;
    fixture_start(&fix);
    storetest_take(fix.store, 1, &range);
    check_ok(&fix, fix.store->ops->range_split(fix.store, &range, 256, &cut, &fix.why));
    load(&fix, ranges, 2);
    range = ranges[0];
    check_ok(&fix, fix.store->ops->range_meet(fix.store, &range, false, &met, &fix.why));
    assert_int_equal(met, STORE_MEET_APART); /* not read yet */
    commit(&fix, &range, 256);
    struct store *other = storetest_open(fix.test.dsn);
    struct store_range late = range;
    storetest_run(fix.test.dsn, "UPDATE log_range SET epoch = epoch + 1 WHERE range_begin = 0 AND log = 1");
    assert_int_equal(other->ops->range_meet(other, &late, false, &met, &fix.why), ERR_DB_CONFLICT);
    late.epoch++;
    check_ok(&fix, other->ops->range_meet(other, &late, false, &met, &fix.why));
    assert_int_equal(met, STORE_MEET_JOINED);
    /* It is gone now: for who still reads it, and for who wants to take it. */
    bool taken;
    assert_int_equal(fix.store->ops->range_meet(fix.store, &range, false, &met, &fix.why), ERR_DB_CONFLICT);
    assert_int_equal(fix.store->ops->range_take(fix.store, &range, &taken, &fix.why), ERR_NOT_FOUND);
    load(&fix, ranges, 1);
    assert_int_equal(ranges[0].next, 256);
    other->ops->free(other);
    fix.store->ops->free(fix.store);
    storetest_check(fix.test.dsn);
}

/* A range that begins with what a lower one gave: a signed root that is equalled with it proves it. */
static void a_signed_root_proves_what_it_began_with(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[LIMIT_RANGES];
    struct compact verified;
    fixture_start(&fix);
    meet_once(&fix, &meetings[8]);
    load(&fix, ranges, 2);
    storetest_compact(&verified, 400);
    struct store_settle settle = {
        .range = &ranges[1], .next = 400, .frontier = &verified, .has_verified = true, .verified = &verified};
    settle.verified_head.size = 400;
    check_ok(&fix, fix.store->ops->verified(fix.store, &settle, &fix.why));
    assert_int_equal(ranges[1].begin_frontier.size, 256);
    load(&fix, ranges, 2);
    assert_int_equal(ranges[1].begin_frontier.size, 256);
    assert_int_equal(ranges[1].begin_frontier.hash[0][0], 7);
    enum store_meet met;
    check_ok(&fix, fix.store->ops->range_meet(fix.store, &ranges[0], false, &met, &fix.why));
    assert_int_equal(met, STORE_MEET_JOINED);
    load(&fix, ranges, 1);
    assert_int_equal(ranges[0].verified, 400);
    fix.store->ops->free(fix.store);
}

static void verify(struct fixture *fix, struct store_range *range)
{
    struct compact compact;
    struct head head = {.size = range->next, .timestamp_ms = 1, .raw = SPAN_LIT("raw")};
    bool fork;
    storetest_compact(&compact, range->next);
    check_ok(fix, fix->store->ops->head(fix->store, 1, &head, &fork, NULL, &fix->why));
    struct store_settle settle = {.range = range,
                                  .next = range->next,
                                  .has_verified = true,
                                  .verified = &compact,
                                  .verified_head = head};
    check_ok(fix, fix->store->ops->verified(fix->store, &settle, &fix->why));
}

/* A head that fits at the end of the log says nothing of what is stored below the border. */
static void the_head_does_not_speak_for_the_backlog(void **state)
{
    static const char say[] =
        "SELECT (SELECT state FROM log WHERE id = 1) || ' ' || count(*) FROM evidence_open";
    (void)state;
    struct fixture fix;
    struct store_range ranges[LIMIT_RANGES];
    bool cut = false;
    fixture_start(&fix);
    load(&fix, ranges, 1);
    check_ok(&fix, fix.store->ops->range_split(fix.store, &ranges[0], 256, &cut, &fix.why));
    load(&fix, ranges, 2);
    commit(&fix, &ranges[0], 256);
    commit(&fix, &ranges[1], 44);
    verify(&fix, &ranges[1]);
    struct store_evidence evidence = {.log_id = 1,
                                      .kind = "root_mismatch",
                                      .begin = 0,
                                      .end = 200,
                                      .json = SPAN_LIT("{}"),
                                      .path = "",
                                      .sentence = "another root"};
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    storetest_text(fix.test.dsn, say, "inconsistent 1");
    commit(&fix, &ranges[1], 56);
    verify(&fix, &ranges[1]);
    storetest_text(fix.test.dsn, say, "inconsistent 1");
    verify(&fix, &ranges[0]);
    storetest_text(fix.test.dsn, say, "active 0");
    fix.store->ops->free(fix.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_raises_the_epoch_of_who_reads),
        cmocka_unit_test(there_are_not_too_many),
        cmocka_unit_test(what_comes_of_a_meeting),
        cmocka_unit_test(who_was_overtaken_joins_nothing),
        cmocka_unit_test(a_signed_root_proves_what_it_began_with),
        cmocka_unit_test(the_head_does_not_speak_for_the_backlog),
    };
    return storetest_main(tests, countof(tests), "store_range");
}
