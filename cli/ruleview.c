#include "cli/ruleview.h"

#include "base/span.h"
#include "model/cert.h"

enum ruleview_which {
    BLOCKED_KEY,
    DISTRUSTED_AFTER,
    BACKDATED,
    NAME_CONSTRAINTS,
    ISSUER_KEY,
    REQUIRED_STORE,
    SINGLE_STORE,
    UNTRUSTED,
};

static const struct {
    const char *rule;
    const char *asks;
} ruleview_trust[] = {
    [BLOCKED_KEY] = {"blocked_key", "its CA's key is not blocked by a root store"},
    [DISTRUSTED_AFTER] = {"distrusted_after", "it comes before the last day that a root store accepts"},
    [BACKDATED] = {"backdated", "it begins when it was made"},
    [NAME_CONSTRAINTS] = {"name_constraints", "its names are those that its CA may issue for"},
    [ISSUER_KEY] = {"issuer_key", "a known CA vouches for its issuer's key"},
    [REQUIRED_STORE] = {"required_store", "the root stores that the entry names accept it"},
    [SINGLE_STORE] = {"single_store", "more than one root store trusts its CA"},
    [UNTRUSTED] = {"untrusted", "root stores trust its CA"},
};

static bool ruleview_found(const struct ruleview *view, const char *rule)
{
    for (size_t i = 0; i < view->alert->finding_count; i++)
        if (strcmp(view->alert->findings[i].rule, rule) == 0)
            return true;
    return false;
}

static void ruleview_row(json_t *rows, const char *rule, const char *asks, const char *result,
                         const char *why)
{
    json_t *row = json_pack("{s:s, s:s, s:s}", "rule", rule, "result", result, "asks", asks);
    must(row != NULL);
    if (why != NULL)
        must(json_object_set_new(row, "why", json_string(why)) == 0);
    must(json_array_append_new(rows, row) == 0);
}

/* Whoever allowed the key knows what it is. */
static bool ruleview_asked(const struct ruleview *view, enum ruleview_which which)
{
    const struct watch *watch = view->watch;
    if (which == REQUIRED_STORE)
        return watch->stores != 0;
    if (which != ISSUER_KEY && which != SINGLE_STORE && which != UNTRUSTED)
        return true;
    for (size_t i = 0; view->issuance->issuer_known && i < watch->allow_count; i++)
        if (memcmp(watch->allow[i].spki_sha256, view->issuance->issuer_spki_sha256, 32) == 0)
            return false;
    return true;
}

/* A store that could not be asked, or whose answer hangs on a moment that is not known. */
static bool ruleview_open(const struct ruleview *view, uint32_t stores, enum verdict verdict)
{
    for (int i = 0; i < VERDICT_STORES; i++)
        if ((stores & 1u << i) != 0 && view->stores->store[i].verdict == verdict)
            return true;
    return false;
}

/* What was found is told once, as the gravest of it. */
static bool ruleview_covered(const struct ruleview *view, enum ruleview_which which)
{
    bool distrusted = ruleview_found(view, "blocked_key") || ruleview_found(view, "distrusted_after");
    int good = verdict_good_count(view->stores);
    return ((which == DISTRUSTED_AFTER || which == BACKDATED) && distrusted) ||
           (which == SINGLE_STORE && good < 2) || (which == UNTRUSTED && good == 0);
}

/* NULL: it was judged. */
static const char *ruleview_why(const struct ruleview *view, enum ruleview_which which)
{
    const struct issuance *issuance = view->issuance;
    bool reach = which >= REQUIRED_STORE;
    uint32_t asked = which == REQUIRED_STORE ? view->watch->stores : UINT32_MAX;
    if (!issuance->issuer_known || !issuance->issuer_proven)
        return "its issuer is not proven: the issuer's certificate has to stand behind it in the file";
    if (view->stores == NULL)
        return "there is no trust data";
    if (reach && (issuance->cert_flags & CERT_IS_CA) != 0)
        return "it is the certificate of a CA";
    if (reach && issuance->not_after < view->now_ms / 1000)
        return "it has run out";
    if (ruleview_covered(view, which))
        return "another finding about its CA says it";
    if (ruleview_open(view, asked, VERDICT_UNKNOWN))
        return "not all is known of the CAs above it";
    if (!view->known_log_time && (which == BACKDATED || (which != ISSUER_KEY && which != NAME_CONSTRAINTS &&
                                                         ruleview_open(view, asked, VERDICT_TRUSTED_IF_SCT))))
        return "when a log took it is not looked up here";
    return NULL;
}

static void ruleview_stores(const struct ruleview *view, json_t *rows)
{
    for (size_t i = 0; i < countof(ruleview_trust); i++) {
        const char *rule = ruleview_trust[i].rule;
        if (ruleview_found(view, rule))
            continue;
        bool asked = ruleview_asked(view, (enum ruleview_which)i);
        const char *why = asked ? ruleview_why(view, (enum ruleview_which)i) : NULL;
        ruleview_row(rows, rule, ruleview_trust[i].asks,
                     !asked        ? "not_asked"
                     : why != NULL ? "not_judged"
                                   : "kept",
                     why);
    }
}

/* What one certificate alone can not show. */
static void ruleview_later(const struct watch *watch, json_t *rows)
{
    static const char others[] = "other certificates of its issuer are not looked at here";
    const struct {
        const char *rule;
        const char *asks;
        const char *why;
        bool asked;
    } later[] = {
        {"serial", "no other certificate has its serial number", others, watch->pairing == WATCH_PAIRING_ON},
        {"final_differs", "it has the contents of its precertificate", others,
         watch->pairing == WATCH_PAIRING_ON},
        {"precert", "a precertificate announced it", others, watch->pairing == WATCH_PAIRING_ON},
        {"sct", "each log whose SCT is in it has its entry", "logs are not looked into here",
         watch->pairing == WATCH_PAIRING_ON},
        {"final_within", "its certificate follows the precertificate in time", others,
         watch->final_within_s != 0},
        {"cadence", "it is renewed in the usual rhythm",
         "the certificates before and after it are not looked at here", watch->cadence != WATCH_CADENCE_OFF},
        {"expiry", "a longer one is there before it runs out", "it is looked at as the day comes near",
         !watch->expiry_off},
        {"lookalike", "it has no name that looks like a watched one",
         "only what concerns no entry is asked that", watch->lookalike != WATCH_LOOKALIKE_OFF},
    };
    for (size_t i = 0; i < countof(later); i++)
        ruleview_row(rows, later[i].rule, later[i].asks, later[i].asked ? "not_judged" : "not_asked",
                     later[i].asked ? later[i].why : NULL);
}

void ruleview_put(const struct ruleview *view, json_t *rows)
{
    ruleview_stores(view, rows);
    ruleview_later(view->watch, rows);
}
