/* Settling: a store that fails on order, ranges of others, late starts, restarts. */
#include "parser/tbs.h"
#include "tests/fixture/apart.h"
#include "tests/fixture/piperig.h"
#include "verify/digest.h"

static enum fakestore_fault faults[] = {FAKESTORE_DOWN, FAKESTORE_DOWN_PERSISTED, FAKESTORE_CONFLICT,
                                        FAKESTORE_REFUSED};

static void test_store_fault(void **state)
{
    const enum fakestore_fault *fault = *state;
    for (unsigned from = 0; from < 3; from++) {
        struct rig rig;
        rig_start(&rig, BOTH, 0, ARGS("--entries", "1500", "--page", "64"));
        rig.options.window = 4;
        rig.world->fault = *fault;
        rig.world->fault_from = from;
        rig.world->fault_count = 1;
        rig_run(&rig);
        assert_fine(&rig, 1500);
        rig_end(&rig);
    }
}

static void test_rematch(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "600"));
    rig.world->generation = 7;
    rig_run(&rig);
    assert_fine(&rig, 600);
    assert_true(rig_log(&rig, 0)->rematched > 0);
    rig_end(&rig);
}

/* Somebody else has the range: it is left alone, and taken once it is free. */
static void test_taken_elsewhere(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "200"));
    rig.options.once = false;
    rig_log(&rig, 0)->taken_elsewhere = true;
    rig_run(&rig);
    clock_sleep_ms(1000);
    assert_int_equal(position(&rig, 0, false), 0);
    thread_lock(&rig.world->lock);
    rig_log(&rig, 0)->taken_elsewhere = false;
    thread_unlock(&rig.world->lock);
    assert_true(wait_verified(&rig, 0, 200));
    rig_stop(&rig);
    assert_rows(&rig, 0, 200);
    rig_end(&rig);
}

/* Somebody is at its ranges, again and again: no reason to give the log up. */
static void test_occupied(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "200"));
    rig_log(&rig, 0)->occupied = 4;
    rig_run(&rig);
    assert_int_equal(rig_log(&rig, 0)->occupied, 0);
    assert_fine(&rig, 200);
    rig_end(&rig);
}

/* A log joined late: the frontier comes from the log and is proven by the first signed head. */
static void test_late_start(void **state)
{
    static const uint64_t begins[] = {1, 255, 256, 300, 512, 777, 899};
    (void)state;
    for (size_t i = 0; i < countof(begins); i++) {
        struct rig rig;
        rig_start(&rig, BOTH, begins[i], ARGS("--entries", "900"));
        rig_run(&rig);
        assert_false(rig.result.unverified);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(rig_log(&rig, k)->range.next, 900);
            assert_int_equal(rig_log(&rig, k)->range.verified, 900);
            assert_int_equal(rig_log(&rig, k)->frontiers, 1);
        }
        rig_end(&rig);
    }
}

/* A log that gives no proofs is read all the same, and nothing is called verified. */
static void test_late_start_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 300, ARGS("--entries", "900", "--fault", "5xx:1:500@get-entry-and-proof"));
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 300);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    rig_end(&rig);
}

/* A wrong proof is no evidence against the entries: they are read, nobody is accused, and once the proofs are
 * right the stretch is verified after all. */
static void test_late_start_wrong_proof(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 300, ARGS("--entries", "900", "--fault", "badproof"));
    rig_run(&rig);
    assert_true(rig.result.unverified);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_log(&rig, i)->range.next, 900);
        assert_int_equal(rig_log(&rig, i)->mismatches, 0);
    }
    assert_int_equal(rig_log(&rig, 0)->range.verified, 300);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    simrun_do(&rig.sim, "{\"append\": 10}");
    rig_run(&rig);
    assert_false(rig.result.unverified);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_log(&rig, i)->range.verified, 910);
        assert_int_equal(rig_log(&rig, i)->mismatches, 0);
        assert_int_equal(rig_log(&rig, i)->repairs, 0);
    }
    rig_end(&rig);
}

/* The log answers late, and meanwhile another process had the range and moved it: what it says of the place
 * that was asked about is not taken for the place where the range is now. */
static void test_late_answer(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 300, ARGS("--entries", "900", "--fault", "slow:1500@get-entry-and-proof"));
    rig.options.once = false;
    /* Reading goes on from 301 without a frontier, and the first commit finds that somebody was faster. */
    struct fakestore_log *log = rig_log(&rig, 0);
    log->range.next = 301;
    rig.world->fault = FAKESTORE_CONFLICT;
    rig.world->fault_count = 1;
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    unsigned drops = 0;
    while (drops == 0 && clock_mono_ms() < until_ms) {
        clock_sleep_ms(5);
        thread_lock(&rig.world->lock);
        drops = log->drops;
        if (drops != 0) {
            log->range.next = 500;
            log->range.verified = 500;
        }
        thread_unlock(&rig.world->lock);
    }
    assert_int_equal(drops, 1);
    assert_true(wait_verified(&rig, 0, 900));
    rig_stop(&rig);
    assert_int_equal(requests(&rig, "get-entry-and-proof"), 2);
    assert_int_equal(log->mismatches, 0);
    assert_int_equal(log->repairs, 0);
    rig_end(&rig);
}

/* Stopped in the middle and started again, many times: as if it had never been stopped. */
static void test_restarts(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "8000", "--page", "64", "--fault", "slow:5"));
    rig.options.once = false;
    for (unsigned i = 0; i < 6; i++) {
        rig_run(&rig);
        clock_sleep_ms(60 + 37 * i);
        pipe_stop(rig.pipe);
        assert_true(pipe_wait(rig.pipe, PIPERIG_WAIT_MS, NULL));
        rig_stop(&rig);
    }
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 8000);
    rig_end(&rig);
}

/* One entry that the database refuses whatever comes with it: it alone is kept raw, and nothing waits for it.
 */
static void test_poison(void **state)
{
    static const uint64_t places[] = {1, 333, 699};
    (void)state;
    for (size_t i = 0; i < countof(places); i++) {
        struct rig rig;
        rig_start(&rig, BOTH, 0, ARGS("--entries", "700"));
        rig.world->poison = places[i];
        rig_run(&rig);
        assert_fine(&rig, 700);
        for (size_t k = 0; k < 2; k++) {
            const struct fakestore_log *log = rig_log(&rig, k);
            for (uint64_t at = 0; at < 700; at++)
                assert_int_equal(log->row[at].opaque, at == places[i]);
            assert_string_equal(log->note, "");
        }
        rig_end(&rig);
    }
}

/* A row of an entry is larger than any row may be: the same, and the log goes on. */
static void test_too_big(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "300"));
    rig.options.batch_bytes = 96 << 10; /* so that every tile is one of the large ones */
    rig.world->poison = 270;
    rig.world->poison_code = ERR_TOO_BIG;
    rig_run(&rig);
    assert_fine(&rig, 300);
    for (uint64_t at = 0; at < 300; at++)
        assert_int_equal(rig_log(&rig, 0)->row[at].opaque, at == 270);
    rig_end(&rig);
}

static bool cert_stored(const struct fakestore_world *world, const uint8_t spki_sha256[32])
{
    for (size_t i = 0; i < world->cert_count; i++) {
        struct cert cert;
        uint8_t hash[32];
        const struct fakestore_cert *row = &world->cert[i];
        struct span der = span_of(row->der, row->len);
        digest_sha256(der, hash);
        assert_memory_equal(hash, row->sha256, 32);
        assert_true(tbs_read_certificate(der, &cert));
        digest_sha256(cert.spki, hash);
        if (memcmp(hash, spki_sha256, 32) == 0)
            return true;
    }
    return false;
}

/* The issuer of every entry is stored as a certificate, whichever way it came, once. */
static void test_issuers_stored(void **state)
{
    static const int protocols[] = {CTLOG_RFC6962, CTLOG_STATIC_CT};
    size_t counts[countof(protocols)];
    (void)state;
    for (size_t i = 0; i < countof(protocols); i++) {
        struct rig rig;
        rig_start(&rig, protocols[i], 0, ARGS("--entries", "600"));
        rig_run(&rig);
        assert_fine(&rig, 600);
        for (uint64_t at = 0; at < 600; at++)
            assert_true(cert_stored(rig.world, rig_log(&rig, 0)->row[at].issuer));
        counts[i] = rig.world->cert_count;
        assert_int_equal(rig.world->cert_puts, counts[i]);
        rig_end(&rig);
    }
    assert_int_equal(counts[0], counts[1]);
}

/* A store that refuses them has not got them: that is tried again later, and nothing else waits for it. */
static void test_issuers_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "600"));
    rig.options.once = false;
    rig.world->certs_refused = 1000;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 600));
    thread_lock(&rig.world->lock);
    unsigned puts = rig.world->cert_puts;
    thread_unlock(&rig.world->lock);
    assert_in_range(puts, 1, 99); /* once each */
    rig_stop(&rig);
    assert_rows(&rig, 0, 600);
    assert_int_equal(rig.world->cert_count, 0);
    rig_end(&rig);
}

/* The certificates are there before the rows that they are about: who is killed in between has lost none. */
static void test_issuers_first(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "200"));
    rig_run(&rig);
    assert_fine(&rig, 200);
    assert_int_equal(rig_log(&rig, 0)->commits, 1);
    assert_true(rig.world->certs_first > 0);
    assert_int_equal(rig.world->certs_first, rig.world->cert_count);
    rig_end(&rig);
}

/* What a log does not have is not asked for again by the next process either, until it is time; then it is,
 * though no entry names it any more. */
static void test_issuers_wanted(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "300", "--fault", "5xx:1:404@issuer"));
    rig_run(&rig);
    assert_int_equal(position(&rig, 0, true), 300);
    assert_int_equal(rig.world->cert_count, 0);
    size_t wanted = rig.world->want_count;
    assert_true(wanted > 1); /* those behind the first one of a chain, too */
    for (size_t i = 0; i < wanted; i++)
        assert_true(rig.world->want[i].absent_ms > 0);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    unsigned asked = requests(&rig, "issuer");
    rig_run(&rig);
    assert_int_equal(requests(&rig, "issuer"), asked);
    assert_int_equal(rig.world->cert_count, 0);
    for (size_t i = 0; i < wanted; i++)
        rig.world->want[i].absent_ms = 0;
    rig_run(&rig);
    assert_int_equal(rig.world->cert_count, wanted);
    assert_int_equal(requests(&rig, "issuer"), asked + wanted);
    rig_run(&rig);
    assert_int_equal(requests(&rig, "issuer"), asked + wanted);
    rig_end(&rig);
}

/* A database that refuses for another reason loses nobody an entry: the log waits, says why, and with `once`
 * is given up. */
static void test_refused_for_good(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300"));
    rig.world->fault = FAKESTORE_REFUSED;
    rig.world->fault_from = 0;
    rig.world->fault_count = 1000;
    rig_run(&rig);
    assert_true(rig.result.unread);
    assert_int_equal(rig_log(&rig, 0)->range.next, 0);
    assert_non_null(strstr(rig_log(&rig, 0)->note, "entries 0 to "));
    assert_non_null(strstr(rig_log(&rig, 0)->note, "the database refused"));
    rig.world->fault = FAKESTORE_FINE;
    rig.result.unread = false;
    rig_run(&rig);
    assert_fine(&rig, 300);
    assert_string_equal(rig_log(&rig, 0)->note, "");
    rig_end(&rig);
}

/* A log that is left is another process's at once. */
static void test_left(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300));
    pipe_remove(rig.pipe, rig.log[0].id);
    unsigned drops = 0;
    for (int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS; drops == 0 && clock_mono_ms() < until_ms;) {
        clock_sleep_ms(20);
        thread_lock(&rig.world->lock);
        drops = rig_log(&rig, 0)->drops;
        thread_unlock(&rig.world->lock);
    }
    assert_int_equal(drops, 1);
    rig_end(&rig);
}

/* A frontier that is wrong (an older version believed it) is no evidence: it is asked for again first. */
static void test_late_start_wrong_base(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 300, ARGS("--entries", "900"));
    for (size_t i = 0; i < 2; i++) {
        struct compact *frontier = &rig_log(&rig, i)->range.frontier;
        frontier->size = 300;
        memset(frontier->hash, 7, sizeof(frontier->hash));
    }
    rig_run(&rig);
    assert_false(rig.result.unverified);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_log(&rig, i)->range.verified, 900);
        assert_int_equal(rig_log(&rig, i)->mismatches, 0);
        assert_int_equal(rig_log(&rig, i)->repairs, 0);
    }
    rig_end(&rig);
}

/* A right one does not make wrong entries right. */
static void test_late_start_accused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 300, ARGS("--entries", "900", "--fault", "flip:450:0"));
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(requests(&rig, "get-entry-and-proof"), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_log(&rig, i)->range.verified, 300);
        assert_int_equal(rig_log(&rig, i)->mismatches, 1);
    }
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_store_fault, &faults[0]),
        cmocka_unit_test_prestate(test_store_fault, &faults[1]),
        cmocka_unit_test_prestate(test_store_fault, &faults[2]),
        cmocka_unit_test_prestate(test_store_fault, &faults[3]),
        cmocka_unit_test(test_rematch),
        cmocka_unit_test(test_taken_elsewhere),
        cmocka_unit_test(test_occupied),
        cmocka_unit_test(test_late_start),
        cmocka_unit_test(test_late_start_refused),
        cmocka_unit_test(test_late_start_wrong_proof),
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_issuers_stored),
        cmocka_unit_test(test_issuers_refused),
        cmocka_unit_test(test_issuers_first),
        cmocka_unit_test(test_issuers_wanted),
        cmocka_unit_test(test_refused_for_good),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_late_start_wrong_base),
        cmocka_unit_test(test_late_start_accused),
    };
    return apart_run(tests, countof(tests));
}
