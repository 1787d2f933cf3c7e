#include "db/db_trust_put.h"

#include "base/limits.h"
#include "db/copy.h"
#include "db/db_trust_loss.h"
#include "db/pgexec.h"

static const char stage_sql[] =
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_rule (part text, store text, kind text, target text, class "
    "text,"
    " hash bytea, key_sha256 bytea, subject bytea, limit_s int8, expires bool, domains text, label text,"
    " source text, lifts bool) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_cert (sha256 bytea, spki_sha256 bytea, subject bytea,"
    " self_issued bool, not_before timestamptz, not_after timestamptz, label text) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_der (sha256 bytea, spki_sha256 bytea, subject bytea, der "
    "bytea)"
    " ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_edge (child bytea, parent bytea) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_part (part text, dated timestamptz) ON COMMIT DELETE ROWS;"
    "CREATE TEMP TABLE IF NOT EXISTS stage_trust_caa (domain text, by_key bool, hash bytea, label text)"
    " ON COMMIT DELETE ROWS";

static struct span hash_or_none(const uint8_t hash[32])
{
    static const uint8_t zero[32];
    return memcmp(hash, zero, 32) == 0 ? SPAN_NONE : span_of(hash, 32);
}

static enum err_code stage_rules(struct pgconn *conn, struct copy *copy, const struct catake *take,
                                 struct err *why)
{
    copy_begin(copy, conn, "COPY stage_trust_rule FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->rule_count; i++) {
        const struct carule *rule = &take->rule[i].rule;
        copy_row(copy, 14);
        copy_ascii(copy, span_str(take->part[take->rule[i].part].name));
        copy_ascii(copy,
                   rule->store == VERDICT_STORES ? SPAN_LIT("") : span_str(verdict_store_name(rule->store)));
        copy_ascii(copy, span_str(carule_kind_name(rule->kind)));
        copy_ascii(copy, span_str(carule_target_name(rule->target)));
        copy_ascii(copy, span_str(carule_class_name(rule->class)));
        copy_bytes(copy, span_of(rule->hash, 32));
        copy_bytes(copy, hash_or_none(rule->key));
        copy_bytes(copy, hash_or_none(rule->subject));
        copy_int8(copy, rule->limit);
        copy_bool(copy, rule->expires);
        copy_text(copy, span_str(rule->text), 1024);
        copy_text(copy, span_str(rule->label), VERDICT_TEXT_MAX);
        copy_text(copy, span_str(rule->source), 256);
        copy_bool(copy, take->rule[i].lifts);
    }
    return copy_end(copy);
}

static void time_or_null(struct copy *copy, int64_t seconds)
{
    if (seconds == INT64_MIN || seconds == INT64_MAX)
        copy_null(copy);
    else
        copy_time(copy, seconds * 1000);
}

static enum err_code stage_hashes(struct pgconn *conn, struct copy *copy, const struct catake *take,
                                  struct err *why)
{
    copy_begin(copy, conn, "COPY stage_trust_cert FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->cert_count; i++) {
        const struct cafacts *facts = &take->cert[i].facts;
        if (take->cert[i].der.at != NULL)
            continue;
        copy_row(copy, 7);
        copy_bytes(copy, span_of(facts->sha256, 32));
        copy_bytes(copy, span_of(facts->key, 32));
        copy_bytes(copy, span_of(facts->subject, 32));
        copy_bool(copy, facts->self_issued);
        time_or_null(copy, facts->not_before);
        time_or_null(copy, facts->not_after);
        copy_text(copy, span_str(facts->label == NULL ? "" : facts->label), VERDICT_TEXT_MAX);
    }
    return copy_end(copy);
}

static enum err_code stage_ders(struct pgconn *conn, struct copy *copy, const struct catake *take,
                                struct err *why)
{
    copy_begin(copy, conn, "COPY stage_trust_der FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->cert_count; i++) {
        if (take->cert[i].der.at == NULL || take->cert[i].der.len > LIMIT_ISSUER_BYTES)
            continue;
        copy_row(copy, 4);
        copy_bytes(copy, span_of(take->cert[i].facts.sha256, 32));
        copy_bytes(copy, span_of(take->cert[i].facts.key, 32));
        copy_bytes(copy, take->cert[i].facts.name);
        copy_bytes(copy, take->cert[i].der);
    }
    return copy_end(copy);
}

static enum err_code stage_rest(struct pgconn *conn, struct copy *copy, const struct catake *take,
                                struct err *why)
{
    copy_begin(copy, conn, "COPY stage_trust_edge FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->edge_count; i++) {
        copy_row(copy, 2);
        copy_bytes(copy, span_of(take->edge[i].child, 32));
        copy_bytes(copy, span_of(take->edge[i].parent, 32));
    }
    enum err_code code = copy_end(copy);
    if (code != ERR_OK)
        return code;
    copy_begin(copy, conn, "COPY stage_trust_caa FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->caa_count; i++) {
        copy_row(copy, 4);
        copy_text(copy, span_str(take->caa[i].domain), 255);
        copy_bool(copy, take->caa[i].by_key);
        copy_bytes(copy, span_of(take->caa[i].hash, 32));
        copy_text(copy, span_str(take->caa[i].label), VERDICT_TEXT_MAX);
    }
    code = copy_end(copy);
    if (code != ERR_OK)
        return code;
    copy_begin(copy, conn, "COPY stage_trust_part FROM STDIN (FORMAT binary)", why);
    for (size_t i = 0; i < take->part_count; i++) {
        copy_row(copy, 2);
        copy_ascii(copy, span_str(take->part[i].name));
        if (take->part[i].dated_ms == 0)
            copy_null(copy);
        else
            copy_time(copy, take->part[i].dated_ms);
    }
    return copy_end(copy);
}

static enum err_code stage_all(struct pgconn *conn, const struct catake *take, struct err *why)
{
    struct copy copy;
    copy_init(&copy);
    enum err_code code = stage_rules(conn, &copy, take, why);
    if (code == ERR_OK)
        code = stage_hashes(conn, &copy, take, why);
    if (code == ERR_OK)
        code = stage_ders(conn, &copy, take, why);
    if (code == ERR_OK)
        code = stage_rest(conn, &copy, take, why);
    copy_fini(&copy);
    return code;
}

/* Two files of one import may say the same. */
#define SAME                                                                                                 \
    "s.part = r.part AND s.hash = r.hash AND s.store = r.store AND s.kind = r.kind AND s.target = r.target"  \
    " AND s.class = r.class AND s.limit_s = r.limit_s AND s.domains = r.domains"

static const char gone_sql[] =
    "UPDATE trust_rule AS r SET gone_at = now(), gone_bundle = $1,"
    " lifted = EXISTS (SELECT FROM stage_trust_rule AS s WHERE s.lifts AND s.part = r.part AND s.hash = "
    "r.hash"
    "  AND s.store = r.store AND s.kind = r.kind)"
    " WHERE r.gone_at IS NULL AND r.part IN (SELECT part FROM stage_trust_part)"
    " AND NOT EXISTS (SELECT FROM stage_trust_rule AS s WHERE NOT s.lifts AND " SAME ")";

/* One that was only forgotten before. */
static const char lift_sql[] =
    "UPDATE trust_rule AS r SET lifted = true WHERE r.gone_at IS NOT NULL AND NOT r.lifted"
    " AND EXISTS (SELECT FROM stage_trust_rule AS s WHERE s.lifts AND s.part = r.part AND s.hash = r.hash"
    "  AND s.store = r.store AND s.kind = r.kind)";

static const char rule_sql[] =
    "INSERT INTO trust_rule (part, store, kind, target, class, hash, key_sha256, subject, limit_s, expires,"
    " domains, label, source, since_bundle)"
    " SELECT DISTINCT ON (s.part, s.hash, s.store, s.kind, s.target, s.class, s.limit_s, s.domains)"
    " s.part, s.store, s.kind, s.target, s.class, s.hash, s.key_sha256, s.subject, s.limit_s, s.expires,"
    " s.domains, s.label, s.source, $1 FROM stage_trust_rule AS s WHERE NOT s.lifts"
    " ORDER BY s.part, s.hash, s.store, s.kind, s.target, s.class, s.limit_s, s.domains, s.label"
    " ON CONFLICT DO NOTHING";

static const char part_sql[] =
    "INSERT INTO trust_part AS p (part, bundle, dated) SELECT part, $1, dated FROM stage_trust_part"
    " ON CONFLICT (part) DO UPDATE SET bundle = EXCLUDED.bundle, dated = EXCLUDED.dated";

static const char cert_sql[] =
    "INSERT INTO trust_cert SELECT DISTINCT ON (sha256) * FROM stage_trust_cert ORDER BY sha256"
    " ON CONFLICT DO NOTHING";

static const char der_sql[] =
    "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der)"
    " SELECT DISTINCT ON (sha256) sha256, spki_sha256, subject, der FROM stage_trust_der ORDER BY sha256"
    " ON CONFLICT DO NOTHING";

static const char edge_sql[] = "INSERT INTO trust_edge SELECT DISTINCT child, parent FROM stage_trust_edge"
                               " ORDER BY child, parent ON CONFLICT DO NOTHING";

/* Owners come by the certificate, and not every report has all of them. */
static const char caa_gone_sql[] =
    "DELETE FROM trust_caa AS t WHERE CASE WHEN t.domain LIKE 'ca:%'"
    " THEN EXISTS (SELECT FROM stage_trust_caa AS s WHERE s.domain LIKE 'ca:%' AND s.by_key = t.by_key"
    "  AND s.hash = t.hash) ELSE EXISTS (SELECT FROM stage_trust_part WHERE part = 'caa') END";
static const char caa_sql[] = "INSERT INTO trust_caa (domain, by_key, hash, label)"
                              " SELECT DISTINCT ON (domain, by_key, hash) domain, by_key, hash, label"
                              " FROM stage_trust_caa ORDER BY domain, by_key, hash ON CONFLICT DO NOTHING";

static enum err_code write_all(struct pgconn *conn, struct db_trust_put *done, struct err *why)
{
    struct pgexec_args one = PGEXEC_NO_ARGS;
    uint64_t ders = 0;
    pgexec_int(&one, done->bundle);
    enum err_code code = pgexec_do(conn, lift_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, gone_sql, &one, &done->rules_gone, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, rule_sql, &one, &done->rules_new, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, part_sql, &one, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, cert_sql, &PGEXEC_NO_ARGS, &done->certs_new, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, der_sql, &PGEXEC_NO_ARGS, &ders, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, edge_sql, &PGEXEC_NO_ARGS, &done->edges_new, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, caa_gone_sql, &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = pgexec_do(conn, caa_sql, &PGEXEC_NO_ARGS, NULL, why);
    done->certs_new += ders;
    return code;
}

/* The newest bundle, when it is of these very files. */
static enum err_code known(struct pgconn *conn, const uint8_t sha256[32], struct db_trust_put *done,
                           struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_bytes(&args, span_of(sha256, 32));
    enum err_code code = pgexec_number(conn,
                                       "SELECT id FROM trust_bundle WHERE sha256 = $1"
                                       " AND id = (SELECT max(id) FROM trust_bundle)",
                                       &args, &done->bundle, why);
    done->known = done->bundle != 0;
    return code;
}

static enum err_code new_bundle(struct pgconn *conn, const uint8_t sha256[32], int64_t dated_ms,
                                const char *report, struct db_trust_put *done, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    pgexec_time(&args, dated_ms);
    pgexec_bytes(&args, span_of(sha256, 32));
    pgexec_text(&args, report);
    return pgexec_number(
        conn, "INSERT INTO trust_bundle (dated, sha256, report) VALUES ($1, $2, $3::jsonb) RETURNING id",
        &args, &done->bundle, why);
}

enum err_code db_trust_put(struct pgconn *conn, const struct catake *take, const uint8_t sha256[32],
                           int64_t dated_ms, const char *report, bool force, struct db_trust_put *done,
                           struct err *why)
{
    *done = (struct db_trust_put){0};
    enum err_code code = pgexec_script(conn, stage_sql, why);
    if (code == ERR_OK)
        code = pgexec_begin(conn, why);
    if (code != ERR_OK)
        return code;
    /* One import after the other; who reads does not wait. */
    code = pgexec_do(conn, "LOCK TABLE trust_part IN SHARE ROW EXCLUSIVE MODE", &PGEXEC_NO_ARGS, NULL, why);
    if (code == ERR_OK)
        code = known(conn, sha256, done, why);
    if (code == ERR_OK && !done->known && !force)
        code = db_trust_loss_check(conn, take, why);
    if (code == ERR_OK && !done->known)
        code = db_trust_loss_older(conn, take, done->older, why);
    if (code == ERR_OK && !done->known)
        code = new_bundle(conn, sha256, dated_ms, report, done, why);
    if (code == ERR_OK && !done->known)
        code = stage_all(conn, take, why);
    if (code == ERR_OK && !done->known)
        code = write_all(conn, done, why);
    if (code == ERR_OK)
        code = pgexec_commit(conn, why);
    if (code != ERR_OK)
        pgexec_rollback(conn);
    return code;
}
