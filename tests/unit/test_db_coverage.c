/* The ledger by hand-made cases, and the promise against worlds in which every certificate is known. */
#include "tests/fixture_db.h"

#include "base/buf.h"
#include "db/db_coverage.h"
#include "db/pgexec.h"
#include "tests/fake/simrand.h"

static struct fixture_db fixture;

static void sql(const char *text)
{
    struct err why = {0};
    if (text[0] != '\0' && pgexec_script(fixture.db.conn, text, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
}

/* Every case is undone: faster than to make room for the next one. */
static void begin(void)
{
    sql("BEGIN");
}

static void undo(void)
{
    sql("ROLLBACK");
}

/* The ledger ------------------------------------------------------------------------------------------------
 */

static void the_ledger(void **state)
{
    static const struct {
        const char *ranges; /* begin, end, next, verified */
        const char *heads;
        const char *ended;
        const char *parts;
    } rows[] = {
        {"", "", "", ""},
        {"", "(20)", "", "missing 0-20 "},
        {"(0, NULL, 0, 0)", "", "", ""},
        {"(0, NULL, 10, 8)", "(20)", "", "verified 0-8 seen 8-10 missing 10-20 "},
        {"(0, NULL, 20, 20)", "(7), (20)", "", "verified 0-20 "},
        {"(100, NULL, 150, 100)", "(160)", "", "missing 0-100 seen 100-150 missing 150-160 "},
        {"(100, NULL, 150, 140)", "(140)", "", "missing 0-100 verified 100-140 seen 140-150 "},
        {"(0, 50, 30, 20), (50, NULL, 70, 50)", "(70)", "",
         "verified 0-20 seen 20-30 missing 30-50 seen 50-70 "},
        {"(0, 50, 50, 50), (50, NULL, 70, 70)", "(60), (70)", "", "verified 0-70 "},
        {"(0, 50, 50, 50), (60, NULL, 70, 60)", "(70)", "", "verified 0-50 missing 50-60 seen 60-70 "},
        {"(0, 50, 50, 50), (50, NULL, 50, 50)", "(80)", "lost", "verified 0-50 lost 50-80 "},
        {"(30, NULL, 50, 50)", "(50)", "ended", "lost 0-30 verified 30-50 "},
        {"(30, NULL, 50, 50)", "(50)", "complete", "missing 0-30 verified 30-50 "},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_coverage_part *parts = NULL;
        size_t count = 0;
        char got[512] = "";
        begin();
        (void)snprintf(text, sizeof text,
                       "INSERT INTO log (name, protocol, url, log_id, key, ended)"
                       " VALUES ('l', 'rfc6962', 'u', sha256('k'), 'k', '%s')",
                       rows[i].ended);
        sql(text);
        if (rows[i].ranges[0] != '\0') {
            (void)snprintf(text, sizeof text,
                           "INSERT INTO log_range (log, range_begin, range_end, next, verified)"
                           " SELECT l.id, a, b::int8, c, d FROM log AS l, (VALUES %s) AS v (a, b, c, d)",
                           rows[i].ranges);
            sql(text);
        }
        if (rows[i].heads[0] != '\0') {
            (void)snprintf(text, sizeof text,
                           "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT l.id, s,"
                           " sha256(''), now(), '' FROM log AS l, (VALUES %s) AS v (s)",
                           rows[i].heads);
            sql(text);
        }
        struct err why = {0};
        if (db_coverage_parts(fixture.db.conn, &parts, &count, &why) != ERR_OK)
            fail_msg("%s", why.text);
        for (size_t k = 0; k < count; k++)
            (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s %d-%d ", parts[k].state,
                           (int)parts[k].begin, (int)parts[k].end);
        free(parts);
        undo();
        if (strcmp(got, rows[i].parts) != 0)
            fail_msg("%s | %s | %s: %s", rows[i].ranges, rows[i].heads, rows[i].ended, got);
    }
}

/* The promise by hand
 * -----------------------------------------------------------------------------------------
 */

static const struct {
    const char *what;
    const char *list; /* log_list: made so many days ago; "" none */
    const char *logs; /* name, operator, list_state, ended, begin, next, head size, head age s, expiry
                         begin, end */
    const char *more;
    const char *claim; /* basis, since and until in seconds before now, left out, gaps */
} promised_rows[] = {
    {"no log at all", "1", "", "", "none - - - 1"},
    {"one operator: nothing by policy", "1", "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL)", "",
     "logs first 10 - 1"},
    {"no list: nothing by policy", "",
     "('a', 'A', '', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', '', '', 0, 9, 9, 40, NULL, NULL)", "",
     "logs first 40 - 1"},
    {"the second-lowest of three", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 5000, NULL, "
     "NULL),"
     "('c', 'C', 'usable', '', 0, 9, 9, 90000, NULL, NULL)",
     "", "policy first 5000 C 0"},
    {"the lowest log of an operator is the operator's", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('a2', 'A', 'usable', '', 0, 9, 9, 700, NULL, "
     "NULL),"
     "('b', 'B', 'usable', '', 0, 9, 9, 8000, NULL, NULL)",
     "", "policy first 700 B 0"},
    {"a log that was never begun", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL),"
     "('c', 'C', 'usable', '', NULL, NULL, NULL, NULL, NULL, NULL)",
     "", "policy first 20 C 1"},
    {"two of them", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', NULL, NULL, NULL, "
     "NULL, NULL,"
     " NULL), ('c', 'C', 'usable', '', NULL, NULL, NULL, NULL, NULL, NULL)",
     "", "policy - - - 2"},
    {"those that can hold nothing that counts", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL),"
     "('c', 'C', 'pending', '', 0, 0, 9, 10, NULL, NULL), ('d', 'D', 'usable', '', 0, 0, 9, 10, -400, "
     "-1),"
     "('e', 'E', 'usable', '', 0, 0, 9, 10, 400, 500), ('f', 'F', 'retired', '', 0, 0, 9, 10, NULL, "
     "NULL)",
     "UPDATE log SET list_state_at = now() - interval '399 days' WHERE name = 'f'; INSERT INTO log (name,"
     " protocol, url, log_id, key) VALUES ('h', 'rfc6962', 'u', sha256('h'), 'k')",
     "policy first 10 B 0"},
    {"a retired one whose certificates live", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL),"
     "('f', 'F', 'retired', '', 0, 0, 9, 10, NULL, NULL)",
     "UPDATE log SET list_state_at = now() - interval '390 days' WHERE name = 'f'", "policy first 20 F 1"},
    {"frozen and read: it holds nothing back", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL),"
     "('f', 'F', 'readonly', 'complete', 0, 9, 9, 999999, NULL, NULL)",
     "", "policy first 10 B 0"},
    {"begun late: complete since then", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL),"
     "('c', 'C', 'usable', '', 5, 9, 9, 90, NULL, NULL), ('d', 'D', 'usable', '', 5, 9, 9, 90, NULL, "
     "NULL)",
     "INSERT INTO log_head (log, size, root, timestamp, raw, seen_at) SELECT id, CASE name WHEN 'c' THEN "
     "6 ELSE 5"
     " END, sha256(''), now() - interval '7000 s', '', now() - interval '6990 s' FROM log WHERE name IN "
     "('c', 'd')",
     "policy 7000 90 A 2"},
    {"an old list: newer logs are not known", "71",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL)",
     "", "policy first 86400 B 1"},
    {"followed by hand, the list knows the operator", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, 10, NULL, NULL), ('b', 'B', 'usable', '', NULL, NULL, NULL, "
     "NULL, NULL,"
     " NULL), ('c', 'C', 'usable', '', 0, 9, 9, 5000, NULL, NULL)",
     "UPDATE log SET followed = false, unfollowed = 'by hand' WHERE name = 'b'; INSERT INTO log (name, "
     "protocol,"
     " url, log_id, key) SELECT 'mine', protocol, url, log_id, key FROM log WHERE name = 'b'; INSERT INTO"
     " log_range (log, range_begin, next, verified) SELECT id, 0, 9, 9 FROM log WHERE name = 'mine'; "
     "INSERT INTO"
     " log_head (log, size, root, timestamp, raw) SELECT id, 9, sha256(''), now() - interval '30 s', '' "
     "FROM log"
     " WHERE name = 'mine'",
     "policy first 30 C 0"},
    {"a head of the future promises nothing", "1",
     "('a', 'A', 'usable', '', 0, 9, 9, -99999, NULL, NULL), ('b', 'B', 'usable', '', 0, 9, 9, 20, NULL, "
     "NULL)",
     "", "policy first 0 B 0"},
};

static void promises(void **state)
{
    char text[4096];

    (void)state;
    for (size_t i = 0; i < countof(promised_rows); i++) {
        char got[256] = "";
        PGresult *res = NULL;
        begin();
        sql("CREATE TEMP TABLE made (name text, op text, ls text, en text, b int8, n int8, h int8, age int8, "
            "eb int8,"
            " ee int8) ON COMMIT DROP");
        (void)snprintf(text, sizeof text, "%s%s",
                       promised_rows[i].logs[0] != '\0' ? "INSERT INTO made VALUES " : "",
                       promised_rows[i].logs);
        sql(text);
        sql("INSERT INTO log (name, protocol, url, log_id, key, listed, operator, list_state, ended, "
            "interval_begin,"
            " interval_end) SELECT name, 'rfc6962', 'u', sha256(name::bytea), 'k', true, op, ls, en, now() + "
            "eb *"
            " interval '1 day', now() + ee * interval '1 day' FROM made;"
            "INSERT INTO log_range (log, range_begin, next, verified) SELECT l.id, b, n, n FROM made JOIN "
            "log AS l"
            " USING (name) WHERE b IS NOT NULL;"
            "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT l.id, h, sha256(''), now() - age *"
            " interval '1 s', '' FROM made JOIN log AS l USING (name) WHERE h IS NOT NULL");
        if (promised_rows[i].list[0] != '\0') {
            (void)snprintf(
                text, sizeof text,
                "INSERT INTO log_list (source, revision, made_at) VALUES ('x', 1, now() - interval '%s"
                " days')",
                promised_rows[i].list);
            sql(text);
        }
        sql(promised_rows[i].more);
        sql("INSERT INTO domain (name, kind, history_at) VALUES ('done.example', 'dns', now()), "
            "('new.example', 'dns',"
            " NULL)");
        struct err why = {0};
        if (pgexec_run(
                fixture.db.conn,
                "SELECT concat_ws(' ', basis, CASE WHEN complete_since = '-infinity' THEN 'first' ELSE"
                " coalesce(extract(epoch FROM now() - complete_since)::int8::text, '-') END,"
                " coalesce(extract(epoch FROM now() - complete_until)::int8::text, '-'),"
                " coalesce(left_out, '-'), gaps) FROM domain_coverage WHERE name = 'done.example' AND EXISTS"
                " (SELECT FROM domain_coverage WHERE name = 'new.example' AND complete_until IS NULL AND"
                " unverified_complete_until IS NULL AND history_pending)",
                &PGEXEC_NO_ARGS, &res, &why) != ERR_OK)
            fail_msg("%s: %s", promised_rows[i].what, why.text);
        (void)snprintf(got, sizeof got, "%s", PQntuples(res) == 1 ? pgexec_get_text(res, 0, 0) : "nothing");
        PQclear(res);
        undo();
        if (strcmp(got, promised_rows[i].claim) != 0)
            fail_msg("%s: %s", promised_rows[i].what, got);
    }
}

/* Worlds ----------------------------------------------------------------------------------------------------
 * Certificates are taken in by logs of one to three operators at times that we know, because we are the
 * world. */

#define LOGS_MAX    8
#define ENTRIES_MAX 64
#define HEADS_MAX   24
#define MMD_S       3600
#define SPAN_S      200000

struct entry_of_world {
    int cert;
    int64_t merged_s; /* before now: negative */
    int64_t stamp_s;
};

struct log_of_world {
    int operator_id;
    struct entry_of_world entries[ENTRIES_MAX];
    size_t count;
    int64_t head_s[HEADS_MAX]; /* signed then, ascending */
    size_t head_size[HEADS_MAX];
    size_t heads;
    size_t begin, split, back, next; /* [begin, back) and [split, next) are stored */
    size_t back_verified, verified;
};

struct world {
    struct simrand rand;
    struct log_of_world logs[LOGS_MAX];
    size_t log_count;
    int operators;
    int certs;
};

static size_t dice(struct world *world, size_t sides)
{
    return (size_t)simrand_below(&world->rand, (uint32_t)sides);
}

static void world_put(struct log_of_world *log, int cert, int64_t stamp_s, int64_t merged_s)
{
    size_t at = log->count++;
    for (; at > 0 && log->entries[at - 1].merged_s > merged_s; at--)
        log->entries[at] = log->entries[at - 1];
    log->entries[at] = (struct entry_of_world){.cert = cert, .merged_s = merged_s, .stamp_s = stamp_s};
}

static void world_heads(struct world *world, struct log_of_world *log)
{
    int64_t at_s = -SPAN_S;
    log->heads = 0;
    while (log->heads < HEADS_MAX) {
        at_s += (int64_t)dice(world, 2 * SPAN_S / HEADS_MAX);
        if (at_s >= -20)
            break;
        size_t size = 0;
        while (size < log->count && log->entries[size].merged_s <= at_s)
            size++;
        log->head_s[log->heads] = at_s;
        log->head_size[log->heads++] = size;
    }
}

/* A size that some head has, at least `low`. */
static size_t world_size(struct world *world, const struct log_of_world *log, size_t low)
{
    for (int i = 0; i < 8 && log->heads > 0; i++) {
        size_t size = log->head_size[dice(world, log->heads)];
        if (size >= low)
            return size;
    }
    return low;
}

static void world_read(struct world *world, struct log_of_world *log)
{
    size_t most = log->heads == 0 ? 0 : log->head_size[log->heads - 1];
    log->begin = dice(world, 2) == 0 ? 0 : world_size(world, log, 0);
    log->split = dice(world, 2) == 0 ? log->begin : world_size(world, log, log->begin);
    log->back = log->split == log->begin ? log->begin : log->begin + dice(world, log->split - log->begin + 1);
    log->next = log->split + dice(world, most - log->split + 1);
    if (dice(world, 2) == 0)
        log->next = most;
    log->back_verified =
        log->back > log->begin ? log->begin + dice(world, log->back - log->begin + 1) : log->begin;
    log->verified = log->split + dice(world, log->next - log->split + 1);
    if (dice(world, 2) == 0)
        log->verified = log->next;
}

static void world_make(struct world *world, uint64_t seed)
{
    *world = (struct world){.log_count = 0};
    world->rand.state = seed;
    world->operators = 1 + (int)dice(world, 4);
    for (int i = 0; i < world->operators; i++)
        for (size_t k = 1 + dice(world, 2); k > 0; k--)
            world->logs[world->log_count++].operator_id = i;
    world->certs = 10 + (int)dice(world, 40);
    for (int cert = 0; cert < world->certs; cert++) {
        int64_t at_s = -SPAN_S + (int64_t)dice(world, SPAN_S - 2 * MMD_S);
        for (size_t copies = 1 + dice(world, 3); copies > 0; copies--) {
            struct log_of_world *log = &world->logs[dice(world, world->log_count)];
            int64_t stamp_s = at_s + (int64_t)dice(world, 60);
            if (log->count < ENTRIES_MAX)
                world_put(log, cert, stamp_s, stamp_s + (int64_t)dice(world, MMD_S));
        }
    }
    for (size_t i = 0; i < world->log_count; i++) {
        world_heads(world, &world->logs[i]);
        world_read(world, &world->logs[i]);
    }
}

static bool world_stored(const struct log_of_world *log, size_t index, bool verified)
{
    return (index >= log->begin && index < (verified ? log->back_verified : log->back)) ||
           (index >= log->split && index < (verified ? log->verified : log->next));
}

static void world_store_heads(const struct log_of_world *log, size_t id, struct buf *out)
{
    for (size_t i = 0; i < log->heads; i++) {
        size_t last = i; /* signed again: the newest signature is kept */
        while (last + 1 < log->heads && log->head_size[last + 1] == log->head_size[i])
            last++;
        buf_fmt(out,
                "INSERT INTO log_head (log, size, root, timestamp, raw, seen_at, seen_last) VALUES (%zu, %zu,"
                " sha256(''), now() + interval '%lld s', '', now() + interval '%lld s', now() + interval "
                "'%lld s');",
                id, log->head_size[i], (long long)log->head_s[last], (long long)log->head_s[i] + 5,
                (long long)log->head_s[last] + 5);
        i = last;
    }
}

static void world_store_tile(const struct log_of_world *log, size_t id, struct buf *out)
{
    if (log->next == 0)
        return;
    buf_fmt(out,
            "INSERT INTO log_tile SELECT %zu, 0, 0, %zu, '{}', '{}', string_agg(substring(int8send((extract("
            "epoch FROM now() + s * interval '1 s') * 1000)::int8) FROM 3) || (CASE WHEN f THEN '\\x00' ELSE"
            " '\\x03' END)::bytea || '\\x0000', '' ORDER BY i) FROM (VALUES ",
            id, log->next - 1);
    for (size_t i = 0; i < log->next; i++)
        buf_fmt(out, "%s(%zu, %lld, %s)", i == 0 ? "" : ",", i, (long long)log->entries[i].stamp_s,
                world_stored(log, i, false) ? "true" : "false");
    buf_fmt(out, ") AS v (i, s, f);");
}

static void world_store(const struct world *world)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    buf_fmt(&out, "INSERT INTO log_list (source, revision, made_at) VALUES ('x', 1, now());");
    for (size_t i = 0; i < world->log_count; i++) {
        const struct log_of_world *log = &world->logs[i];
        buf_fmt(&out,
                "INSERT INTO log (id, name, protocol, url, log_id, key, listed, list_state, operator, mmd_s)"
                " OVERRIDING SYSTEM VALUE VALUES (%zu, 'l%zu', 'rfc6962', 'u', sha256('%zu'), 'k', true,"
                " 'usable', 'o%d', %d);",
                i + 1, i, i, log->operator_id, MMD_S);
        if (log->split > log->begin)
            buf_fmt(&out,
                    "INSERT INTO log_range (log, range_begin, range_end, next, verified)"
                    " VALUES (%zu, %zu, %zu, %zu, %zu);",
                    i + 1, log->begin, log->split, log->back, log->back_verified);
        buf_fmt(&out, "INSERT INTO log_range (log, range_begin, next, verified) VALUES (%zu, %zu, %zu, %zu);",
                i + 1, log->split, log->next, log->verified);
        world_store_heads(log, i + 1, &out);
        world_store_tile(log, i + 1, &out);
    }
    assert_true(buf_ok(&out));
    sql(buf_text(&out));
    buf_fini(&out);
}

/* Is there a certificate that two operators took in between the two times, and nothing read it? */
static int world_missed(const struct world *world, bool verified, int64_t since_s, int64_t until_s)
{
    for (int cert = 0; cert < world->certs; cert++) {
        unsigned operators = 0;
        bool read = false;
        for (size_t i = 0; i < world->log_count; i++) {
            const struct log_of_world *log = &world->logs[i];
            for (size_t k = 0; k < log->count; k++) {
                if (log->entries[k].cert != cert || log->entries[k].merged_s <= since_s ||
                    log->entries[k].merged_s > until_s)
                    continue;
                operators |= 1u << log->operator_id;
                read = read || world_stored(log, k, verified);
            }
        }
        if ((operators & (operators - 1)) != 0 && !read)
            return cert;
    }
    return -1;
}

static void nothing_promised_was_missed(void **state)
{
    size_t promised = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        struct world world;
        struct db_coverage_claim claim;
        int64_t now_s = 0;
        world_make(&world, seed);
        begin();
        world_store(&world);
        assert_int_equal(db_coverage_claim(fixture.db.conn, &claim, NULL), ERR_OK);
        assert_int_equal(pgexec_number(fixture.db.conn, "SELECT floor(extract(epoch FROM now()))::int8",
                                       &PGEXEC_NO_ARGS, &now_s, NULL),
                         ERR_OK);
        undo();
        assert_string_equal(claim.basis, world.operators > 1 ? "policy" : "logs");
        if (world.operators == 1)
            continue;
        promised += claim.complete && (claim.from_first || claim.until_ms - claim.since_ms > 3600000);
        int missed = !claim.complete
                         ? -1
                         : world_missed(&world, true,
                                        claim.from_first ? -SPAN_S * 2 : claim.since_ms / 1000 + 1 - now_s,
                                        claim.until_ms / 1000 - 1 - now_s);
        if (missed >= 0)
            fail_msg("seed %d: certificate %d was missed", (int)seed, missed);
        missed = !claim.unverified
                     ? -1
                     : world_missed(&world, false,
                                    claim.unverified_first ? -SPAN_S * 2
                                                           : claim.unverified_since_ms / 1000 + 1 - now_s,
                                    claim.unverified_until_ms / 1000 - 1 - now_s);
        if (missed >= 0)
            fail_msg("seed %d: certificate %d was not even stored", (int)seed, missed);
    }
    assert_true(promised > 12); /* else this says little */
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger),
        cmocka_unit_test(promises),
        cmocka_unit_test(nothing_promised_was_missed),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
