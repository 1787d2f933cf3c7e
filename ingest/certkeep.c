#include "ingest/certkeep.h"

#include "base/clock.h"
#include "base/say.h"
#include "ingest/backlog.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define WANTS_MS 3600000 /* what is still looked for is tried again this often */

static void issuer_save(struct settle *settle, const struct issuers_want *want, struct span der)
{
    struct cert cert = {.der = SPAN_NONE};
    struct store_ca ca = {.log_id = want->log_id, .der = der};
    memcpy(ca.sha256, want->sha256, sizeof(ca.sha256));
    if (tbs_read_certificate(der, &cert))
        digest_sha256(cert.spki, ca.spki_sha256);
    ca.subject = cert.subject;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->issuer_cert_put(settle->store, &ca, &why);
    } while (settle_again(settle, code, &why));
    if (code == ERR_OK) {
        issuers_saved(settle->plant->issuers, want);
        return;
    }
    if (want->tries == 0)
        say_error("ingest", "issuer certificate: %s; it is tried again", why.text);
    issuers_refused(settle->plant->issuers, want, clock_mono_ms());
}

static void save(struct settle *settle, const struct follow *follow)
{
    struct issuers *issuers = settle->plant->issuers;
    struct issuers_want want;
    struct span der;
    /* As many as a log may have open: after one that makes them up the others have their turn. */
    for (unsigned i = 0; i < LIMIT_ISSUERS_OPEN; i++) {
        arena_reset(&settle->arena, LIMIT_ISSUER_BYTES);
        if (!issuers_unsaved(issuers, follow->log.id, &settle->arena, &want, &der))
            return;
        issuer_save(settle, &want, der);
    }
}

/* For the next process, or for us in an hour. Without it the certificate is looked for when an entry names it
 * again, so a refusal is no reason to stop. */
static void want_keep(struct settle *settle, const struct issuers_want *want, int64_t absent_ms)
{
    struct err why;
    enum err_code code;
    if (settle->store->ops->want_put == NULL)
        return;
    do {
        err_clear(&why);
        code = settle->store->ops->want_put(settle->store, want->log_id, want->sha256, absent_ms, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK)
        say_warn("ingest", "an issuer certificate that is looked for: %s", why.text);
}

static void wants_load(struct settle *settle, struct follow *follow)
{
    struct store_want wants[LIMIT_ISSUERS_OPEN / 2];
    size_t count = 0;
    struct err why;
    enum err_code code;
    int64_t now_ms = clock_mono_ms();
    if (now_ms < follow->settle.wants_due_ms || settle->store->ops->want_list == NULL)
        return;
    follow->settle.wants_due_ms = now_ms + WANTS_MS;
    do {
        err_clear(&why);
        code =
            settle->store->ops->want_list(settle->store, follow->log.id, wants, countof(wants), &count, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK)
        say_warn("ingest", "issuer certificates that are looked for: %s", why.text);
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        issuers_remember(settle->plant->issuers, follow->log.id, wants[i].sha256, wants[i].absent_ms);
}

void certkeep_serve(struct settle *settle, struct follow *follow)
{
    struct plant *plant = settle->plant;
    struct issuers_want want;
    struct span der;
    bool any = false;
    int64_t absent_ms = 0;
    if (!backlog_is(follow))
        wants_load(settle, follow);
    while (issuers_untold(plant->issuers, follow->log.id, &want, &absent_ms))
        want_keep(settle, &want, absent_ms);
    while (issuers_lookup(plant->issuers, follow->log.id, &want)) {
        struct err why;
        enum err_code code;
        do {
            err_clear(&why);
            arena_reset(&settle->arena, LIMIT_ISSUER_BYTES);
            der = SPAN_NONE;
            code =
                settle->store->ops->issuer_cert_get(settle->store, want.sha256, &settle->arena, &der, &why);
        } while (settle_again(settle, code, &why));
        if (code != ERR_OK || der.at == NULL || !issuers_found(plant->issuers, &want, der, true)) {
            want_keep(settle, &want, 0);
            issuers_not_stored(plant->issuers, &want);
        }
        any = true;
    }
    save(settle, follow);
    if (any)
        plant_wake(plant);
}
