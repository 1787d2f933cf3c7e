#include "watcher/lateproof.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "db/db_alert_raise.h"
#include "db/db_der.h"
#include "db/db_domain.h"
#include "db/db_late.h"
#include "db/db_pending.h"
#include "db/db_sct.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "verify/certsig.h"
#include "verify/digest.h"
#include "watcher/rule_trust.h"

#define REASON_MAX 160

struct look {
    struct pgconn *conn;
    const struct lateproof_reader *reader;
    struct lateproof_report *report;
    struct watchset *set; /* NULL until an issuer was proven */
    const struct db_late *late;
    struct arena bytes; /* of the certificate at hand */
    struct batch batch;
    struct entry entry;
    /* Of the alert at hand. */
    struct span form[DB_LATE_FORMS_MAX];
    size_t form_count;
    struct cert cert; /* the first of them */
    uint8_t spki_sha256[32];
    bool proven;
};

/* 64 bits of a hash found it: is it the certificate? */
static bool keep_form(void *arg, struct span der)
{
    struct look *look = arg;
    struct cert cert;
    struct precert_pieces pieces;
    uint8_t fp[32];
    if (!tbs_read_certificate(der, &cert) || !precert_normal_form(&cert, &pieces))
        return false;
    digest_sha256_pieces(pieces.piece, pieces.count, fp);
    if (memcmp(fp, look->late->tbs_fp, 32) != 0)
        return false;
    look->form[look->form_count] = arena_copy(&look->bytes, der);
    look->form_count += look->form[look->form_count].at != NULL;
    return true;
}

static bool is_stopped(const struct look *look)
{
    return look->reader->stop != NULL && atomic_load(look->reader->stop);
}

/* Every form has to be signed with the one key. True ends the search. */
static bool try_key(void *arg, const uint8_t spki_sha256[32], struct span der)
{
    struct look *look = arg;
    struct cert ca;
    if (is_stopped(look))
        return true;
    (void)tbs_read_certificate(der, &ca);
    if (ca.spki.at == NULL)
        return false;
    for (size_t i = 0; i < look->form_count; i++)
        if (!certsig_verify(look->form[i], ca.spki))
            return false;
    memcpy(look->spki_sha256, spki_sha256, 32);
    look->proven = true;
    return true;
}

static enum err_code prove_one(struct look *look, struct err *why)
{
    const struct db_late *late = look->late;
    enum err_code code = ERR_OK;
    look->form_count = 0;
    look->proven = false;
    for (size_t i = 0; code == ERR_OK && i < late->form_count; i++) {
        bool found = false;
        code = db_der_find(look->conn, late->form[i], keep_form, look, &found, why);
    }
    if (code != ERR_OK || look->form_count == 0 || look->form_count != late->form_count ||
        !tbs_read_certificate(look->form[0], &look->cert) || look->cert.issuer.at == NULL)
        return code;
    return db_late_candidates(look->conn, late->domain_id, look->cert.issuer, try_key, look, why);
}

static enum err_code load_set(struct look *look, struct err *why)
{
    struct watch *watches = NULL;
    size_t count = 0;
    uint64_t generation = 0;
    if (look->set != NULL)
        return ERR_OK;
    enum err_code code = db_domain_load(look->conn, &watches, &count, &generation, why);
    if (code != ERR_OK)
        return code;
    /* A look-alike is nobody's certificate. */
    for (size_t i = 0; i < count; i++)
        watches[i].lookalike = WATCH_LOOKALIKE_OFF;
    look->set = watchset_new(watches, count, generation);
    return look->set != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "no memory for %zu domains", count);
}

static int64_t stored_ms(int64_t unix_s)
{
    return (unix_s < CERT_TIME_MIN ? CERT_TIME_MIN : unix_s > CERT_TIME_MAX ? CERT_TIME_MAX : unix_s) * 1000;
}

/* No row: the kept bytes say all of it, and the alert where it was seen. */
static enum err_code read_own(struct look *look, struct db_sct_cert *cert, struct issuance *issuance,
                              struct err *why)
{
    struct cert read;
    uint8_t sha256[32];
    if (!look->reader->read(look->form[0], &look->bytes, &read, issuance, sha256))
        return err_set(why, ERR_FORMAT, "its kept bytes can not be read");
    return db_late_seen(look->conn, look->late->id, &look->bytes, &cert->places, &cert->place_count, why);
}

/* Any of its rows says what the certificate says; who issued it is known by now. */
static enum err_code load_own(struct look *look, struct db_sct_cert *cert, struct issuance *issuance,
                              struct err *why)
{
    struct db_sct_due due = {.not_after_ms = stored_ms(look->cert.not_after)};
    memcpy(due.tbs_fp, look->late->tbs_fp, 32);
    enum err_code code = db_sct_load(look->conn, &due, &look->bytes, cert, why);
    if (code == ERR_OK && cert->own_count == 0)
        code = read_own(look, cert, issuance, why);
    else if (code == ERR_OK)
        *issuance = cert->own[0].issuance;
    memcpy(issuance->issuer_spki_sha256, look->spki_sha256, 32);
    issuance->issuer_known = true;
    issuance->issuer_proven = true;
    return code;
}

/* Every form of it was looked at, and so whatever a log claimed for these rows is settled. */
static enum err_code note(struct look *look, const struct db_sct_cert *cert, const struct issuance *issuance,
                          struct err *why)
{
    uint8_t claimed[DB_SCT_OWN_MAX + 1][32] = {{0}}; /* the first one: a row without a key */
    size_t count = 1;
    for (size_t i = 0; i < cert->own_count; i++) {
        const struct issuance *own = &cert->own[i].issuance;
        if (own->issuer_known && !own->issuer_proven)
            memcpy(claimed[count++], own->issuer_spki_sha256, 32);
    }
    return db_late_note(look->conn, issuance, (const uint8_t(*)[32])claimed, count, why);
}

/* Are all its places those of this issuer? Else the alert keeps those that it has. */
static bool is_of_one(const struct db_sct_cert *cert, const struct issuance *issuance)
{
    for (size_t i = 0; i < cert->own_count; i++) {
        const struct issuance *own = &cert->own[i].issuance;
        if (own->issuer_known && memcmp(own->issuer_spki_sha256, issuance->issuer_spki_sha256, 32) != 0)
            return false;
    }
    return true;
}

static enum err_code raise_all(struct look *look, const struct db_sct_cert *cert,
                               const struct issuance *issuance, struct err *why)
{
    struct match_prove prove = look->reader->prove;
    size_t count = is_of_one(cert, issuance) ? cert->place_count : 0;
    prove.by_word = true;
    prove.settled = true;
    batch_reset(&look->batch);
    look->entry = (struct entry){.kind = ENTRY_X509, .issuance = *issuance};
    if (cert->place_count != 0)
        look->entry.sighting = rule_trust_earliest(cert->places, cert->place_count);
    look->batch.big = true;
    look->batch.end = 1;
    look->batch.entries = &look->entry;
    look->batch.entry_count = 1;
    enum err_code code = match_batch(look->set, &look->batch, &prove, why);
    for (size_t i = 0; code == ERR_OK && i < look->batch.alert_count; i++) {
        const struct alert *alert = &look->batch.alerts[i];
        bool raised = false;
        if (alert->domain_id == ALERT_DOMAINS_NONE || alert->finding_count == 0)
            continue;
        code = db_alert_raise(look->conn, alert, cert->places, count, NULL, NULL, &raised, why);
        look->report->raised += raised;
    }
    return code;
}

/* Before anything is taken back: whoever is killed behind this finds the same again. */
static enum err_code judge(struct look *look, struct err *why)
{
    struct db_sct_cert cert;
    struct issuance issuance;
    enum err_code code = load_set(look, why);
    if (code == ERR_OK)
        code = load_own(look, &cert, &issuance, why);
    if (code == ERR_OK)
        code = note(look, &cert, &issuance, why);
    return code == ERR_OK ? raise_all(look, &cert, &issuance, why) : code;
}

static enum err_code look_one(struct look *look, struct err *why)
{
    struct db_late_settled settled;
    char reason[REASON_MAX];
    char hex[65];
    arena_reset(&look->bytes, 1u << 20);
    enum err_code code = prove_one(look, why);
    if (code == ERR_OK && look->proven)
        code = judge(look, why);
    if (code != ERR_OK || (!look->proven && !look->late->proven))
        return code;
    (void)snprintf(reason, sizeof reason,
                   "the issuer is known by now, spki:%s: its key verifies the signature of the kept bytes",
                   text_hex(span_of(look->spki_sha256, 32), hex));
    code = db_late_settle(look->conn, look->late, look->proven ? reason : NULL, &settled, why);
    look->report->closed += settled.shut;
    look->report->refuted += settled.less && !settled.shut;
    return code;
}

/* Nothing that is wrong with other certificates, or that all of them would meet. */
static bool ends_all(enum err_code code)
{
    return code == ERR_DB_DOWN || code == ERR_CLOSED || code == ERR_DB_CONFLICT || code == ERR_DB_LATER ||
           code == ERR_DB_SCHEMA;
}

static enum err_code look_all(struct look *look, const struct db_late *list, size_t count, struct err *why)
{
    enum err_code code = ERR_OK;
    if (!arena_init(&look->bytes, LIMIT_HISTORY_BYTES))
        return err_set(why, ERR_MEMORY, "no memory for looking after issuers");
    if (!batch_init(&look->batch, LIMIT_BIG_BATCH_BYTES)) {
        arena_fini(&look->bytes);
        return err_set(why, ERR_MEMORY, "no memory for looking after issuers");
    }
    for (size_t i = 0; code == ERR_OK && i < count && !is_stopped(look); i++) {
        struct err one = {0};
        look->late = &list[i];
        enum err_code single = look_one(look, &one);
        if (single == ERR_OK)
            continue;
        if (ends_all(single))
            code = err_set(why, single, "%s", one.text);
        else
            say_warn("watch", "alert=%" PRId64 " who issued its certificate can not be looked at: %s",
                     list[i].id, one.text);
    }
    batch_fini(&look->batch);
    arena_fini(&look->bytes);
    watchset_unpin(look->set);
    return code;
}

static enum err_code look_page(struct look *look, int64_t *after, struct err *why)
{
    struct db_late *list = calloc(DB_LATE_PAGE, sizeof *list);
    int64_t next = *after;
    size_t count = 0;
    must(list != NULL);
    enum err_code code = db_late_list(look->conn, &next, list, &count, why);
    if (code == ERR_OK && count != 0)
        code = look_all(look, list, count, why);
    if (!is_stopped(look))
        *after = next;
    free(list);
    return code;
}

enum err_code lateproof_look(struct pgconn *conn, const struct lateproof_reader *reader, int64_t *after,
                             struct lateproof_report *report, struct err *why)
{
    struct look *look = calloc(1, sizeof *look);
    bool taken = false;
    *report = (struct lateproof_report){0};
    must(look != NULL);
    look->conn = conn;
    look->reader = reader;
    look->report = report;
    enum err_code code = db_pending_lock(conn, LATEPROOF_LOCK, false, &taken, why);
    if (code == ERR_OK && taken) {
        struct err ignored = {0};
        code = look_page(look, after, why);
        enum err_code unlocked = db_pending_unlock(conn, LATEPROOF_LOCK, &ignored);
        code = code != ERR_OK ? code : unlocked;
    }
    free(look);
    return code;
}
