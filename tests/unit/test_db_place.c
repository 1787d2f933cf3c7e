/* Damaged blocks of places are found, taken out and made anew, while others write and whoever is killed in
 * the middle; then every hash is found again. */
#include "db/db_place.h"

#include <stdlib.h>

#include "base/limits.h"
#include "db/pgexec.h"
#include "tests/fixture/storetest.h"

#define ROOM  (16u << 20)
#define BATCH 2048
#define NOTED "SELECT count(*) FROM place_bad"

struct rig {
    struct storetest test;
    struct store *store;
    struct pgconn *conn;
    uint64_t number;
};

static void write_more(struct rig *rig)
{
    struct batch batch;
    struct store_range range;
    assert_true(batch_init(&batch, ROOM));
    storetest_take(rig->store, 1, &range);
    storetest_pairs(&batch, &rig->test.log[0], range.next, rig->number, BATCH);
    rig->number += BATCH / 2;
    storetest_must_commit(rig->store, &range, &batch);
    batch_fini(&batch);
}

static void rig_new(struct rig *rig)
{
    *rig = (struct rig){.number = 1};
    storetest_new(&rig->test);
    rig->store = storetest_open(rig->test.dsn);
    for (int i = 0; i < 6; i++)
        write_more(rig);
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->conn, NULL), ERR_OK);
}

static void rig_end(struct rig *rig)
{
    rig->store->ops->free(rig->store);
    pgconn_free(rig->conn);
}

static uint64_t mend(struct rig *rig, uint64_t steps)
{
    struct err why = {0};
    uint64_t tiles = 0;
    if (db_place_mend(rig->conn, NULL, steps, &tiles, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return tiles;
}

static uint64_t look(struct rig *rig)
{
    struct err why = {0};
    uint64_t rows = 0;
    uint64_t bad = 0;
    if (db_place_check(rig->conn, NULL, &rows, &bad, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(rows > 12);
    return bad;
}

static void nothing_is_done_where_nothing_is_damaged(void **state)
{
    struct rig rig;
    (void)state;
    rig_new(&rig);
    assert_int_equal(look(&rig), 0);
    assert_int_equal(mend(&rig, UINT64_MAX), 0);
    assert_int_equal(db_place_whole(rig.conn, NULL), ERR_OK);
    storetest_found(rig.test.dsn);
    rig_end(&rig);
}

/* In each case the row of a bucket, or of all, that stood in the middle. */
static void what_is_damaged_is_made_anew(void **state)
{
    static const struct {
        const char *damage;
        int noted; /* buckets */
    } rows[] = {
        {"places = places || '\\x00'", 1},
        {"places = '', keys = '{}'", 1},
        {"places = set_byte(places, 0, 255)", 1},
        {"keys[9] = keys[20], keys[20] = keys[9]", 1},
        {"keys[9] = keys[9] # (1::int8 << 63)", 1},
        {"keys[9] = NULL", 1},
        {"keys = ARRAY[keys]", 1},
        {"keys = array_cat('[-7:-7]={1}'::int8[], keys), places = places || '\\x00000000000001'", 1},
        {"bucket = bucket + 1", 2},
        {"level = 7", 2},
        {"level = 9", 1},
        {"level = -1", 1},
        {"bucket = -1", 1},
        {"kind = 17", 2},
    };
    struct rig rig;
    (void)state;
    rig_new(&rig);
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[512];
        print_message("%s\n", rows[i].damage);
        (void)snprintf(sql, sizeof sql,
                       "UPDATE place_block SET %s WHERE ctid = (SELECT ctid FROM place_block WHERE"
                       " cardinality(keys) > 20 ORDER BY kind, level, bucket OFFSET 5 LIMIT 1)",
                       rows[i].damage);
        storetest_run(rig.test.dsn, sql);
        assert_int_equal(look(&rig), 1);
        check_sql(rig.test.dsn, NOTED, rows[i].noted);
        assert_int_equal(db_place_whole(rig.conn, NULL), ERR_DB_LATER);
        assert_int_equal(mend(&rig, UINT64_MAX), 6 * BATCH / 256);
        check_sql(rig.test.dsn, NOTED, 0);
        storetest_found(rig.test.dsn);
        assert_int_equal(look(&rig), 0);
    }
    storetest_check(rig.test.dsn);
    rig_end(&rig);
}

/* Bits that flip anywhere: whatever is taken out is made anew; and with `db_place_doubt` so is what a look
 * can not see. */
static void bits_that_flip_lose_nothing(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 2; seed++) {
        struct rig rig;
        char sql[512];
        rig_new(&rig);
        (void)snprintf(sql, sizeof sql,
                       "SELECT setseed(0.%d); UPDATE place_block SET"
                       " keys[1 + floor(random() * cardinality(keys))::int] = (random() * 9e18)::int8,"
                       " places = set_byte(places, floor(random() * length(places))::int,"
                       "  floor(random() * 256)::int) WHERE random() < 0.5",
                       seed);
        storetest_run(rig.test.dsn, sql);
        assert_true(look(&rig) > 3);
        (void)mend(&rig, UINT64_MAX);
        assert_int_equal(look(&rig), 0);
        assert_int_equal(db_place_doubt(rig.conn, NULL), ERR_OK);
        check_sql(rig.test.dsn, NOTED, 2);
        assert_int_equal(mend(&rig, UINT64_MAX), 6 * BATCH / 256);
        storetest_check(rig.test.dsn);
        /* As much as was there goes into narrow buckets: not all of it into one. */
        check_sql(rig.test.dsn, "SELECT max(level) FROM place_block", 2);
        rig_end(&rig);
    }
}

/* Each step is found by who comes next; meanwhile others write, merge, and note the same bucket again. */
static void whoever_is_killed_is_followed(void **state)
{
    static const char damage[] = "UPDATE place_block SET places = places || '\\x00' WHERE ctid ="
                                 " (SELECT min(ctid) FROM place_block WHERE kind = 1)";
    struct rig rig;
    struct err why = {0};
    int64_t tiles = 0;
    (void)state;
    rig_new(&rig);
    storetest_run(rig.test.dsn, damage);
    assert_int_equal(look(&rig), 1);
    assert_int_equal(pgexec_number(rig.conn, "SELECT place_mend(20)", &PGEXEC_NO_ARGS, &tiles, &why), ERR_OK);
    assert_int_equal(tiles, 20);
    assert_int_equal(pgexec_begin(rig.conn, &why), ERR_OK);
    assert_int_equal(pgexec_number(rig.conn, "SELECT place_mend(20)", &PGEXEC_NO_ARGS, &tiles, &why), ERR_OK);
    /* Nobody else does the same at the same time, or waits for it. */
    check_sql(rig.test.dsn, "SELECT coalesce(place_mend(20), -7)", -7);
    write_more(&rig);
    pgconn_free(rig.conn);
    rig.conn = NULL;
    assert_int_equal(pgconn_open(rig.test.dsn, &rig.conn, NULL), ERR_OK);
    check_sql(rig.test.dsn, "SELECT next_tile FROM place_bad", 20);
    /* The same bucket once more: from the beginning. */
    storetest_run(rig.test.dsn, damage);
    if (look(&rig) == 1)
        check_sql(rig.test.dsn, "SELECT min(next_tile) FROM place_bad", 0);
    (void)mend(&rig, UINT64_MAX);
    check_sql(rig.test.dsn, NOTED, 0);
    storetest_check(rig.test.dsn);
    rig_end(&rig);
}

static void it_ends_when_asked_to(void **state)
{
    struct rig rig;
    atomic_bool stop = true;
    uint64_t rows;
    uint64_t bad;
    (void)state;
    rig_new(&rig);
    assert_int_equal(db_place_doubt(rig.conn, NULL), ERR_OK);
    assert_int_equal(db_place_check(rig.conn, &stop, &rows, &bad, NULL), ERR_CLOSED);
    assert_int_equal(db_place_mend(rig.conn, &stop, 1, &rows, NULL), ERR_CLOSED);
    check_sql(rig.test.dsn, NOTED, 2);
    storetest_found(rig.test.dsn);
    rig_end(&rig);
}

/* A repair takes rows away that no place shows any more: not while places may be missing. */
static void a_repair_waits_until_all_is_whole(void **state)
{
    struct rig rig;
    struct store_range range;
    struct err why = {0};
    (void)state;
    rig_new(&rig);
    storetest_take(rig.store, 1, &range);
    assert_int_equal(db_place_doubt(rig.conn, NULL), ERR_OK);
    assert_int_equal(rig.store->ops->repair_begin(rig.store, &range, &why), ERR_DB_LATER);
    (void)mend(&rig, UINT64_MAX);
    err_clear(&why);
    struct store_settle settle = {.range = &range, .next = range.next};
    assert_int_equal(rig.store->ops->repair_begin(rig.store, &range, &why), ERR_OK);
    assert_int_equal(rig.store->ops->repair_end(rig.store, &settle, false, &why), ERR_OK);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_done_where_nothing_is_damaged),
        cmocka_unit_test(what_is_damaged_is_made_anew),
        cmocka_unit_test(bits_that_flip_lose_nothing),
        cmocka_unit_test(whoever_is_killed_is_followed),
        cmocka_unit_test(it_ends_when_asked_to),
        cmocka_unit_test(a_repair_waits_until_all_is_whole),
    };
    return storetest_main(tests, countof(tests), "db_place");
}
