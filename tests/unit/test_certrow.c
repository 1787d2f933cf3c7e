/* Which sightings belong to a row, where the same TBS has rows under several issuer keys. */
#include "db/certrow.h"

#include "db/query.h"
#include "tests/fixture/storetest.h"

struct place {
    int log;
    enum issuance_form form;
    uint8_t bytes;  /* which certificate */
    uint8_t issuer; /* which key it is claimed for */
};

struct seen {
    char text[512];
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    (void)why;
    (void)snprintf(seen->text + len, sizeof seen->text - len, "%s%c:%s%s %u+%u", len == 0 ? "" : ", ",
                   row->issuance->issuer_spki_sha256[0], row->precert ? "p" : "", row->final ? "f" : "",
                   (unsigned)row->sightings, (unsigned)row->unassigned);
    return ERR_OK;
}

static void commit(struct storetest *test, const struct place *place)
{
    const struct issuances_entry spec = {1, place->form, false};
    struct store_range range;
    struct batch batch;
    struct store *store = storetest_open(test->dsn);
    storetest_take(store, place->log + 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test->log[place->log], range.next, &spec, 1);
    memset(batch.entries[0].issuance.issuer_spki_sha256, place->issuer, 32);
    memset(batch.entries[0].sighting.sha256, place->bytes, 32);
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

static void each_row_has_its_own(void **state)
{
    static const struct {
        struct place places[5];
        size_t count;
        const char *rows; /* by first byte of the key: forms, sightings for certain + in doubt */
    } cases[] = {
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {0, ISSUANCE_FINAL, 2, 'a'}, {1, ISSUANCE_FINAL, 2, 'a'}},
         3,
         "a:pf 3+0"},
        /* Another key signed, or is said to have: its bytes are its own. */
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {1, ISSUANCE_PRECERT, 1, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 2+0, b:f 1+0"},
        /* A final certificate that neither was first seen with could be of either. */
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {0, ISSUANCE_FINAL, 2, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 1+1, b:f 1+1"},
        /* Without a precertificate that fits there are no bytes to compare. */
        {{{0, ISSUANCE_PRECERT, 0, 'a'}, {1, ISSUANCE_PRECERT, 0, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 1+1, b:f 1+1"},
        /* The same bytes under two chains. */
        {{{0, ISSUANCE_FINAL, 2, 'a'},
          {1, ISSUANCE_FINAL, 2, 'b'},
          {1, ISSUANCE_FINAL, 2, 'a'},
          {1, ISSUANCE_PRECERT, 1, 'c'}},
         4,
         "a:f 1+1, b:f 1+1, c:p 1+0"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct storetest test;
        struct query query;
        struct query_result result;
        struct seen seen = {""};
        struct pgconn *conn = NULL;
        struct err why = {0};
        uint8_t fp[32];
        char typed[80] = "fp:";
        storetest_new(&test);
        for (size_t k = 0; k < cases[i].count; k++)
            commit(&test, &cases[i].places[k]);
        issuances_hash("fp", 1, fp);
        (void)text_hex(span_of(fp, 32), typed + 3);
        assert_int_equal(query_parse(typed, &query, NULL), ERR_OK);
        assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
        if (query_run(conn, &query, see, &seen, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_string_equal(seen.text, cases[i].rows);
        pgconn_free(conn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row_has_its_own)};
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "certrow");
}
