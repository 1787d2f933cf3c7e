#include "cli/certfind.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "cli/contact.h"
#include "cli/roles.h"
#include "db/db_cacert.h"
#include "db/db_der.h"
#include "db/store_pg.h"
#include "ingest/examine.h"
#include "ingest/refetch.h"
#include "verify/digest.h"

#define REASONS_SHOWN 4
#define REASONS_BYTES 8192

struct certfind {
    const struct cmd *cmd;
    const char *named;
    const uint8_t *hash;
    struct pgconn *conn;
    struct arena *arena;
    struct db_der_place *places;
    size_t place_count;
    const struct db_der_place *place; /* being looked at */
    struct refetch *refetch;
    char user_agent[300];
    struct buf reasons;
    size_t reason_count;
    size_t other_count; /* places that hold another certificate, as they did when they were read */
    struct span der;    /* found */
};

/* Is it what was asked for, by its own bytes? */
static bool certfind_fits(struct certfind *find, struct span der)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t sha256[32];
    size_t mark = arena_mark(find->arena);
    bool read = examine_certificate(der, find->arena, &cert, &issuance, sha256);

    arena_rewind(find->arena, mark);
    if (find->place->by_sha256)
        return memcmp(sha256, find->hash, 32) == 0;
    return read && memcmp(issuance.tbs_fp, find->hash, 32) == 0;
}

static bool certfind_take(void *arg, struct span der)
{
    struct certfind *find = arg;

    if (!certfind_fits(find, der))
        return false;
    find->der = arena_copy(find->arena, der);
    return find->der.at != NULL;
}

/* Stored ----------------------------------------------------------------------------------------------------
 */

static bool certfind_has_hash(const struct db_der_place *place)
{
    static const uint8_t none[8];

    return memcmp(place->sha8, none, sizeof none) != 0;
}

static bool certfind_seen_before(const struct certfind *find, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (find->places[i].by_sha256 == find->places[at].by_sha256 &&
            memcmp(find->places[i].sha8, find->places[at].sha8, 8) == 0)
            return true;
    return false;
}

static enum err_code certfind_stored(struct certfind *find, struct err *why)
{
    for (size_t i = 0; i < find->place_count && find->der.at == NULL; i++) {
        struct err one = {0};
        bool found = false;
        find->place = &find->places[i];
        if (!certfind_has_hash(find->place) || certfind_seen_before(find, i))
            continue;
        enum err_code code = db_der_find(find->conn, find->place->sha8, certfind_take, find, &found, &one);
        if (code == ERR_FORMAT)
            fprintf(stderr, "ctvigil: %s: %s; its log is asked instead\n", find->named, one.text);
        else if (code != ERR_OK)
            return err_set(why, code, "%s", one.text);
    }
    return ERR_OK;
}

/* From a log ------------------------------------------------------------------------------------------------
 */

/* "NAMED: log NAME, entry N", visible. */
static void certfind_put_place(const struct certfind *find, struct buf *out)
{
    buf_fmt(out, "ctvigil: %s: ", find->named);
    text_visible(out, span_str(find->place->log.name));
    buf_fmt(out, ", entry %" PRIu64 ": ", find->place->index);
}

/* Said only when none gives it. */
static void certfind_reason(struct certfind *find, const char *text)
{
    if (++find->reason_count > REASONS_SHOWN)
        return;
    certfind_put_place(find, &find->reasons);
    buf_fmt(&find->reasons, "%s\n", text);
}

/* What the entry holds, if it is what was read there; else why not. */
static const char *certfind_judge(struct certfind *find, const struct entry *entry, struct span *der)
{
    const uint8_t *sha256 = entry->sighting.sha256;
    bool same = memcmp(sha256, find->place->sha8, 8) == 0;

    *der = SPAN_NONE;
    if (entry->kind == ENTRY_OPAQUE)
        return "it gives something that is no certificate there";
    const uint8_t *named = find->place->by_sha256 ? sha256 : entry->issuance.tbs_fp;
    find->other_count += same && memcmp(named, find->hash, 32) != 0;
    if (find->place->by_sha256) {
        if (memcmp(sha256, find->hash, 32) != 0)
            return same ? "another certificate, whose SHA-256 begins with the same 8 bytes"
                        : "it gives another entry than it gave before";
    } else if (memcmp(entry->issuance.tbs_fp, find->hash, 32) != 0) {
        return memcmp(entry->issuance.tbs_fp, find->hash, 8) == 0
                   ? "another certificate, whose fingerprint begins with the same 8 bytes"
                   : "it gives another entry than it gave before";
    }
    if (!certfind_has_hash(find->place)) { /* the TBSCertificate is what the log signed */
        *der = entry->kind == ENTRY_PRECERT ? entry->tbs : SPAN_NONE;
        return der->at != NULL ? NULL : "it gives another entry than it gave before";
    }
    if (!same)
        return "it gives other bytes than it gave before";
    *der = entry->kind == ENTRY_X509 ? entry->cert_der : entry->unverified_precert;
    return der->len != 0 ? NULL : "it gives no precertificate with the entry";
}

static void certfind_ask(struct certfind *find)
{
    const struct db_der_place *place = find->place;
    const struct entry *entry = NULL;
    const char *reason;
    struct span der;
    struct err one = {0};
    enum err_code code = contact_need(find->cmd->conf, place->log.url, &one);

    if (code == ERR_OK)
        code = refetch_entry(find->refetch, &place->log, place->index, place->log_size, &entry, &one);
    if (code != ERR_OK) {
        certfind_reason(find, one.text[0] != '\0' ? one.text : err_sentence(code));
        return;
    }
    reason = certfind_judge(find, entry, &der);
    if (reason == NULL)
        find->der = arena_copy(find->arena, der);
    if (reason == NULL && find->der.at == NULL)
        reason = "it is too big";
    if (reason != NULL) {
        certfind_reason(find, reason);
        return;
    }
    struct buf line;
    buf_init(&line, REASONS_BYTES);
    certfind_put_place(find, &line);
    fprintf(stderr, "%sread again from this log\n", buf_text(&line));
    buf_fini(&line);
}

static enum err_code certfind_store(void *arg, struct store **store, struct err *why)
{
    (void)arg;
    return store_pg_open(cmd_db_dsn(), store, why);
}

static enum err_code certfind_unknown(const struct certfind *find, struct err *why)
{
    return err_set(
        why, ERR_NOT_FOUND,
        "%s: not known here: it is the SHA-256 or the fingerprint (tbs_fp) of no certificate in a log "
        "that was read, and of no CA certificate of a chain",
        find->named);
}

static enum err_code certfind_logs(struct certfind *find, struct err *why)
{
    const struct conf *conf = find->cmd->conf;
    struct refetch_options options = {
        .user_agent = roles_user_agent(conf, find->user_agent, sizeof find->user_agent),
        .source_addresses = conf->ingest.source_addresses,
        .http2 = conf->ingest.http2,
        .no_keepalive = conf->ingest.no_keepalive,
        .requests_per_s = (double)conf->ingest.requests_per_s,
        .store_open = certfind_store,
    };
    /* The budgets of operators are kept in the database, and written. */
    enum err_code code = cmd_db_to_writer(find->cmd, &find->conn, why);

    if (code == ERR_OK)
        code = refetch_new(&options, &find->refetch, why);
    for (size_t i = 0; code == ERR_OK && i < find->place_count && find->der.at == NULL; i++) {
        find->place = &find->places[i];
        certfind_ask(find);
    }
    if (code != ERR_OK || find->der.at != NULL)
        return code;
    fputs(buf_text(&find->reasons), stderr);
    if (find->reason_count > REASONS_SHOWN)
        fprintf(stderr, "ctvigil: %s: and %zu more entries\n", find->named,
                find->reason_count - REASONS_SHOWN);
    if (find->other_count == find->place_count)
        return certfind_unknown(find, why);
    return err_set(why, ERR_CLOSED, "%s: seen in a log, but not kept whole (db.der), and no log gives it now",
                   find->named);
}

static enum err_code certfind_look(struct certfind *find, struct err *why)
{
    enum err_code code = db_cacert_get(find->conn, find->hash, find->arena, &find->der, why);

    if (code != ERR_NOT_FOUND)
        return code;
    err_clear(why);
    code = db_der_places(find->conn, find->hash, &find->places, &find->place_count, why);
    if (code != ERR_OK)
        return code;
    if (find->place_count == 0)
        return certfind_unknown(find, why);
    code = certfind_stored(find, why);
    return code == ERR_OK && find->der.at == NULL ? certfind_logs(find, why) : code;
}

enum err_code certfind_get(const struct cmd *cmd, const char *named, const uint8_t hash[32],
                           struct arena *arena, struct span *der, struct err *why)
{
    struct certfind find = {.cmd = cmd, .named = named, .hash = hash, .arena = arena};
    enum err_code code = cmd_db_open_reader(cmd, &find.conn, why);

    buf_init(&find.reasons, REASONS_BYTES);
    if (code == ERR_OK)
        code = certfind_look(&find, why);
    *der = find.der;
    refetch_free(find.refetch);
    free(find.places);
    buf_fini(&find.reasons);
    if (find.conn != NULL)
        cmd_db_close(find.conn);
    return code;
}
