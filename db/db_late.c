#include "db/db_late.h"

#include "db/dbkey.h"
#include "db/pgexec.h"

/* The condition is that of the index. */
static const char list_sql[] =
    "SELECT a.id, a.domain, a.tbs_fp, alert_forms(a.id), EXISTS (SELECT FROM alert_proof(a.id))"
    " FROM (SELECT x.id, x.domain, x.tbs_fp FROM alert AS x WHERE x.id > $1 AND x.state IN ('new', "
    "'notified')"
    "  AND x.dedup IS NULL AND x.findings @> '[{\"kind\": \"unexpected_ca\"}]' AND alert_unproven(x)"
    "  ORDER BY x.id LIMIT $2) AS a ORDER BY a.id";

static void get_forms(struct db_late *late, struct span forms)
{
    static const uint8_t unknown[8];
    size_t count = forms.len / 8;
    late->form_count = 0;
    if (forms.at == NULL || count > DB_LATE_FORMS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        memcpy(late->form[i], forms.at + 8 * i, 8);
        if (memcmp(late->form[i], unknown, 8) == 0)
            return;
    }
    late->form_count = count;
}

enum err_code db_late_list(struct pgconn *conn, int64_t *after, struct db_late list[DB_LATE_PAGE],
                           size_t *count, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_int(&args, *after);
    pgexec_int(&args, DB_LATE_PAGE);
    enum err_code code = pgexec_cached(conn, list_sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    for (; *count < (size_t)PQntuples(res); ++*count) {
        int row = (int)*count;
        struct db_late *late = &list[row];
        struct span fp = pgexec_get_bytes(res, row, 2);
        *late = (struct db_late){.id = pgexec_get_int(res, row, 0),
                                 .domain_id = pgexec_get_int(res, row, 1),
                                 .proven = pgexec_get_bool(res, row, 4)};
        if (fp.len == 32)
            memcpy(late->tbs_fp, fp.at, 32);
        get_forms(late, pgexec_get_bytes(res, row, 3));
    }
    *after = *count < DB_LATE_PAGE ? 0 : list[*count - 1].id;
    PQclear(res);
    return ERR_OK;
}

enum err_code db_late_candidates(struct pgconn *conn, int64_t domain_id, struct span subject,
                                 db_late_each *each, void *arg, struct err *why)
{
    static const char sql[] =
        "SELECT c.spki_sha256, c.der FROM (SELECT DISTINCT ON (i.spki_sha256) i.spki_sha256, i.der"
        "  FROM issuer_cert AS i WHERE sha256(i.subject) = $2 ORDER BY i.spki_sha256) AS c"
        " ORDER BY EXISTS (SELECT FROM domain_allow AS w WHERE w.domain = $1"
        "  AND w.spki_sha256 = c.spki_sha256) DESC, c.spki_sha256 LIMIT 64";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    uint8_t name[32];
    PGresult *res = NULL;
    dbkey_sha256(subject, name);
    pgexec_int(&args, domain_id);
    pgexec_bytes(&args, span_of(name, 32));
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    bool found = false;
    for (int i = 0; i < PQntuples(res) && !found; i++) {
        struct span spki = pgexec_get_bytes(res, i, 0);
        found = spki.len == 32 && each(arg, spki.at, pgexec_get_bytes(res, i, 1));
    }
    PQclear(res);
    return ERR_OK;
}

static enum issuance_form form_of(const char *text)
{
    for (int form = ISSUANCE_PRECERT; form <= ISSUANCE_POISONED; form++)
        if (strcmp(text, issuance_form_name((enum issuance_form)form)) == 0)
            return (enum issuance_form)form;
    return ISSUANCE_FINAL;
}

enum err_code db_late_seen(struct pgconn *conn, int64_t alert_id, struct arena *arena, struct sighting **seen,
                           size_t *count, struct err *why)
{
    static const char sql[] = "SELECT log, idx, timestamp, verified, form FROM alert_sighting_verified"
                              " WHERE alert = $1 AND form <> 'unparsed' ORDER BY timestamp, log, idx";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    *count = 0;
    pgexec_int(&args, alert_id);
    enum err_code code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    *seen = arena_zeroed(arena, (size_t)PQntuples(res) + 1, sizeof **seen);
    if (*seen == NULL)
        code = err_set(why, ERR_MEMORY, "database: no memory for the places of an alert");
    for (int i = 0; *seen != NULL && i < PQntuples(res); i++)
        (*seen)[(*count)++] = (struct sighting){.log_id = (int32_t)pgexec_get_int(res, i, 0),
                                                .index = (uint64_t)pgexec_get_int(res, i, 1),
                                                .timestamp_ms = pgexec_get_time(res, i, 2),
                                                .verified = pgexec_get_bool(res, i, 3),
                                                .form = form_of(pgexec_get_text(res, i, 4))};
    PQclear(res);
    return code;
}

/* So that whoever looks after CAs knows this one, too. What is gone by its time is taken out on the way. */
enum err_code db_late_note(struct pgconn *conn, const struct issuance *issuance, const uint8_t (*claimed)[32],
                           size_t claimed_count, struct err *why)
{
    static const char sql[] =
        "WITH gone AS (DELETE FROM late_issuer WHERE not_after < (SELECT horizon FROM cert_removal)),"
        " known AS (INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text) SELECT $2, i.dn_sha256, i.dn,"
        "  i.dn_text FROM issuer AS i WHERE i.dn_sha256 = $3 LIMIT 1 ON CONFLICT DO NOTHING)"
        " INSERT INTO late_issuer (tbs_fp, claimed, spki_sha256, not_after) VALUES ($1, $5, $2, $4)"
        " ON CONFLICT DO NOTHING";
    enum err_code code = ERR_OK;
    uint8_t name[32];
    dbkey_sha256(issuance->issuer, name);
    for (size_t i = 0; code == ERR_OK && i < claimed_count; i++) {
        struct pgexec_args args = PGEXEC_NO_ARGS;
        pgexec_bytes(&args, span_of(issuance->tbs_fp, 32));
        pgexec_bytes(&args, span_of(issuance->issuer_spki_sha256, 32));
        pgexec_bytes(&args, span_of(name, 32));
        pgexec_time(&args, issuance->not_after * 1000);
        pgexec_bytes(&args, span_of(claimed[i], 32));
        code = pgexec_do(conn, sql, &args, NULL, why);
    }
    return code;
}

enum { ANY_YES = 1, ANY_NO };

enum err_code db_late_issuer(struct pgconn *conn, int *any, struct issuance *issuance, struct err *why)
{
    /* Whoever claims the very key that signed this TBS needs no note of his own. */
    static const char sql[] = "SELECT spki_sha256 FROM late_issuer WHERE tbs_fp = $1 AND"
                              " (claimed = $2 OR spki_sha256 = $2) ORDER BY claimed = $2 DESC LIMIT 1";
    static const uint8_t no_key[32];
    struct pgexec_args args = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    int64_t noted = 1;
    enum err_code code = ERR_OK;
    if (issuance->issuer_proven || *any == ANY_NO)
        return ERR_OK;
    if (*any == 0)
        code =
            pgexec_number(conn, "SELECT EXISTS (SELECT FROM late_issuer)::int", &PGEXEC_NO_ARGS, &noted, why);
    if (code != ERR_OK)
        return code;
    *any = noted != 0 ? ANY_YES : ANY_NO;
    if (*any == ANY_NO)
        return ERR_OK;
    pgexec_bytes(&args, span_of(issuance->tbs_fp, 32));
    pgexec_bytes(&args, span_of(issuance->issuer_known ? issuance->issuer_spki_sha256 : no_key, 32));
    code = pgexec_cached(conn, sql, &args, &res, why);
    if (code != ERR_OK)
        return code;
    struct span spki = PQntuples(res) == 1 ? pgexec_get_bytes(res, 0, 0) : SPAN_NONE;
    if (spki.len == 32) {
        memcpy(issuance->issuer_spki_sha256, spki.at, 32);
        issuance->issuer_known = true;
        issuance->issuer_proven = true;
    }
    PQclear(res);
    return ERR_OK;
}

/* Nobody is told: what is still to be delivered is not true any more. What is remembered as refuted names no
 * key: what is said of a key may become news by other rules. */
static const char settle_sql[] =
    "WITH parts AS (SELECT a.id, jsonb_agg(f.f ORDER BY f.n) FILTER (WHERE NOT finding_unproven(f.f, $3))"
    "   AS kept,"
    "  coalesce(jsonb_agg(f.f || jsonb_build_object('refuted', $2::text) ORDER BY f.n)"
    "   FILTER (WHERE finding_unproven(f.f, $3) AND f.f->>'found' !~ 'spki:[0-9a-f]{64}[)]$'), '[]') AS gone,"
    "  bool_or(finding_unproven(f.f, $3)) AS any"
    "  FROM alert AS a CROSS JOIN LATERAL jsonb_array_elements(a.findings) WITH ORDINALITY AS f(f, n)"
    "  WHERE a.id = $1 AND alert_unproven(a) GROUP BY a.id),"
    " less AS (UPDATE alert AS a SET findings = p.kept, kind = p.kept->0->>'kind',"
    "  severity = p.kept->0->>'severity', reason = $2,"
    "  refuted = (SELECT coalesce(jsonb_agg(DISTINCT r.r), '[]') FROM jsonb_array_elements(a.refuted || "
    "p.gone) AS r(r))"
    "  FROM parts AS p WHERE a.id = p.id AND p.any AND p.kept IS NOT NULL RETURNING a.id),"
    " shut AS (UPDATE alert AS a SET state = 'closed', reason = $2, history = CASE WHEN a.state = 'new'"
    "  THEN a.history ELSE alert_history(a) END FROM parts AS p WHERE a.id = p.id AND p.kept IS NULL"
    "  RETURNING a.id),"
    " gone AS (UPDATE outbox AS o SET state = 'withdrawn' FROM shut"
    "  WHERE o.alert = shut.id AND o.state = 'pending')"
    " SELECT (SELECT count(*) FROM less) + 2 * (SELECT count(*) FROM shut)";

/* Between looking for proof and settling no place may come that the proof does not cover: whoever adds one
 * has locked the alert first. */
static enum err_code settle_locked(struct pgconn *conn, const struct db_late *late, const char *reason,
                                   int64_t *done, struct err *why)
{
    static const char same_sql[] = "SELECT (alert_forms($1) IS NOT DISTINCT FROM $2)::int";
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct pgexec_args forms = PGEXEC_NO_ARGS;
    PGresult *res = NULL;
    int64_t same = 1;
    bool by_word = false;
    pgexec_int(&args, late->id);
    pgexec_int(&forms, late->id);
    pgexec_bytes(&forms, span_of(late->form, 8 * late->form_count));
    enum err_code code =
        pgexec_do(conn, "SELECT FROM alert WHERE id = $1 FOR NO KEY UPDATE", &args, NULL, why);
    if (code == ERR_OK && reason != NULL)
        code = pgexec_number(conn, same_sql, &forms, &same, why);
    if (code == ERR_OK && reason == NULL)
        code = pgexec_run(conn, "SELECT by_word, reason FROM alert_proof($1)", &args, &res, why);
    if (code == ERR_OK && res != NULL && PQntuples(res) != 0) {
        by_word = pgexec_get_bool(res, 0, 0);
        reason = pgexec_get_text(res, 0, 1);
    }
    if (code == ERR_OK && same != 0 && reason != NULL) {
        pgexec_text(&args, reason);
        pgexec_bool(&args, by_word);
        code = pgexec_number(conn, settle_sql, &args, done, why);
    }
    PQclear(res);
    return code;
}

enum err_code db_late_settle(struct pgconn *conn, const struct db_late *late, const char *reason,
                             struct db_late_settled *settled, struct err *why)
{
    int64_t done = 0;
    *settled = (struct db_late_settled){.less = false};
    enum err_code code = pgexec_begin(conn, why);
    if (code == ERR_OK)
        code = settle_locked(conn, late, reason, &done, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    settled->less = code == ERR_OK && done != 0;
    settled->shut = code == ERR_OK && done >= 2;
    return code;
}
