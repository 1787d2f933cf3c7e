#include "simgen.h"

#include <stdlib.h>

#include "base/clock.h"
#include "simkey.h"
#include "simrand.h"
#include "simwords.h"
#include "verify/digest.h"

#define SIMGEN_EC_KEYS   256
#define SIMGEN_RSA_KEYS  3
#define SIMGEN_DELAYED   24 /* finals that wait for a while after their precertificate */
#define SIMGEN_NAMES     100
#define SIMGEN_NAME_MAX  128
#define SIMGEN_LOCK_STEP 64 /* entries made while readers wait */

struct simgen_late {
    X509 *draft;
    size_t ca;
    struct buf sct_list;
};

struct simgen_hidden {
    struct buf leaf;
    struct buf precert;
    uint32_t chain;
};

struct simgen {
    struct simlog *log;
    const struct simca *ca;
    struct simrand rand;
    uint64_t serial;
    uint64_t issued_keys;
    uint64_t domains; /* how many registered domains there are to choose from */
    X509_PUBKEY *ec[SIMGEN_EC_KEYS];
    X509_PUBKEY *rsa[SIMGEN_RSA_KEYS];
    EVP_PKEY *foreign_log; /* SCTs of certificates whose precertificate went to another log */
    uint8_t foreign_id[32];
    struct simgen_late late[SIMGEN_DELAYED];
    size_t late_count;
    struct simgen_hidden hidden[SIMGEN_HIDDEN_MAX];
    size_t hidden_count;
    struct buf pad_chain; /* of what is being issued */
    char names[SIMGEN_NAMES][SIMGEN_NAME_MAX];
    const char *name_at[SIMGEN_NAMES];
};

struct simgen *simgen_new(struct simlog *log, const struct simca *ca, uint64_t seed)
{
    struct simgen *gen = calloc(1, sizeof *gen);

    must(gen != NULL);
    gen->log = log;
    gen->ca = ca;
    gen->rand.state = seed;
    gen->serial = simrand_u64(&gen->rand);
    gen->domains = 5000;
    buf_init(&gen->pad_chain, SIMCA_DER_MAX);
    gen->foreign_log = simkey_ec("foreign log", 0);
    simkey_spki_sha256(gen->foreign_log, gen->foreign_id);
    for (size_t i = 0; i < SIMGEN_NAMES; i++)
        gen->name_at[i] = gen->names[i];
    return gen;
}

void simgen_free(struct simgen *gen)
{
    for (size_t i = 0; i < SIMGEN_EC_KEYS; i++)
        X509_PUBKEY_free(gen->ec[i]);
    for (size_t i = 0; i < SIMGEN_RSA_KEYS; i++)
        X509_PUBKEY_free(gen->rsa[i]);
    for (size_t i = 0; i < gen->late_count; i++) {
        X509_free(gen->late[i].draft);
        buf_fini(&gen->late[i].sct_list);
    }
    for (size_t i = 0; i < gen->hidden_count; i++) {
        buf_fini(&gen->hidden[i].leaf);
        buf_fini(&gen->hidden[i].precert);
    }
    buf_fini(&gen->pad_chain);
    EVP_PKEY_free(gen->foreign_log);
    free(gen);
}

/* The public half; nobody ever needs a leaf's private key. */
static X509_PUBKEY *simgen_public(EVP_PKEY *key)
{
    X509_PUBKEY *public = NULL;

    must(X509_PUBKEY_set(&public, key) == 1);
    EVP_PKEY_free(key);
    return public;
}

/* Keys are made when they are first used, because RSA keys are slow to make. */
static X509_PUBKEY *simgen_key(struct simgen *gen)
{
    X509_PUBKEY **slot;

    if (simrand_percent(&gen->rand, 35)) {
        uint32_t at = simrand_below(&gen->rand, SIMGEN_RSA_KEYS);
        slot = &gen->rsa[at];
        if (*slot == NULL)
            *slot = simgen_public(simkey_rsa("leaf", at));
    } else {
        uint32_t at = simrand_below(&gen->rand, SIMGEN_EC_KEYS);
        slot = &gen->ec[at];
        if (*slot == NULL)
            *slot = simgen_public(simkey_ec("leaf", at));
    }
    return *slot;
}

/* Registered domain number `number`; always the same one. */
static void simgen_domain(uint64_t number, char *out, size_t size)
{
    struct simrand rand = {number};
    const char *first = simwords_first[simrand_below(&rand, countof(simwords_first))];
    const char *second = simwords_second[simrand_below(&rand, countof(simwords_second))];
    const char *suffix = simwords_suffix[simrand_below(&rand, countof(simwords_suffix))];

    (void)snprintf(out, size, "%s-%s%" PRIu64 ".%s", first, second, number, suffix);
}

static size_t simgen_name_count(struct simrand *rand)
{
    uint32_t roll = simrand_below(rand, 1000);

    if (roll < 600)
        return 1;
    if (roll < 880)
        return 2 + simrand_below(rand, 2);
    if (roll < 970)
        return 4 + simrand_below(rand, 7);
    if (roll < 995)
        return 11 + simrand_below(rand, 40);
    return 51 + simrand_below(rand, 50);
}

static size_t simgen_names(struct simgen *gen)
{
    char domain[SIMGEN_NAME_MAX / 2];
    size_t count = simgen_name_count(&gen->rand);

    simgen_domain(simrand_below(&gen->rand, (uint32_t)gen->domains), domain, sizeof domain);
    for (size_t i = 0; i < count; i++) {
        const char *host = simwords_host[simrand_below(&gen->rand, countof(simwords_host))];
        if (i > 0 && simrand_percent(&gen->rand, 15))
            simgen_domain(simrand_below(&gen->rand, (uint32_t)gen->domains), domain, sizeof domain);
        if (i == 0 && simrand_percent(&gen->rand, 40))
            (void)snprintf(gen->names[i], SIMGEN_NAME_MAX, "%s", domain);
        else if (simrand_percent(&gen->rand, 12))
            (void)snprintf(gen->names[i], SIMGEN_NAME_MAX, "*.%s", domain);
        else if (count > 10)
            (void)snprintf(gen->names[i], SIMGEN_NAME_MAX, "n%zu.%s.%s", i, host, domain);
        else
            (void)snprintf(gen->names[i], SIMGEN_NAME_MAX, "%s.%s", host, domain);
    }
    return count;
}

static uint32_t simgen_days(struct simrand *rand)
{
    uint32_t roll = simrand_below(rand, 100);

    return roll < 10 ? 6 : roll < 30 ? 47 : roll < 85 ? 90 : 199;
}

static size_t simgen_ca(struct simgen *gen)
{
    uint32_t roll = simrand_below(&gen->rand, 100);

    /* The RSA authority last and rarely: its signatures cost thirty times those of the others. */
    return roll < 50 ? 0 : roll < 75 ? 1 : roll < 95 ? 2 : 3;
}

static X509 *simgen_draft(struct simgen *gen, size_t *ca)
{
    static const char *const ips[] = {"192.0.2.17", "2001:db8::17"};
    struct simca_order order = {0};
    X509 *draft;

    order.name_count = simgen_names(gen);
    order.names = gen->name_at;
    order.ips = ips;
    order.ip_count = simrand_percent(&gen->rand, 1) ? 1 + simrand_below(&gen->rand, 2) : 0;
    if (simrand_percent(&gen->rand, 12))
        order.organisation = simwords_organisation[simrand_below(&gen->rand, countof(simwords_organisation))];
    order.common_name = simrand_percent(&gen->rand, 80);
    order.client_auth = simrand_percent(&gen->rand, 30);
    order.not_before = clock_wall_ms() / 1000 - 3600 - simrand_below(&gen->rand, 3600);
    order.days = simgen_days(&gen->rand);
    order.serial_seed = gen->serial++;
    order.key = simgen_key(gen);
    *ca = simgen_ca(gen);
    draft = simca_draft(gen->ca, *ca, &order, NULL);
    must(draft != NULL);
    return draft;
}

static uint32_t simgen_chain(struct simgen *gen, size_t ca)
{
    struct span certs[3] = {simca_der(gen->ca, ca), simca_root_der(gen->ca), buf_span(&gen->pad_chain)};

    return simlog_chain(gen->log, certs, gen->pad_chain.len > 0 ? 3 : 2);
}

/* Appends the precertificate of `draft`; leaves the SCT list for the final certificate in `sct_list`. */
static void simgen_append_precert(struct simgen *gen, X509 *draft, size_t ca, int64_t timestamp_ms,
                                  struct buf *sct_list, struct simgen_result *result)
{
    struct buf precert, tbs, leaf, extensions, signature;
    struct span precert_span;
    size_t at = result->count++;

    buf_init(&precert, SIMCA_DER_MAX);
    buf_init(&tbs, SIMCA_DER_MAX);
    buf_init(&leaf, SIMCA_DER_MAX + 64);
    buf_init(&extensions, 64);
    buf_init(&signature, 256);
    simca_precert(gen->ca, ca, draft, &precert, &tbs);
    simlog_extensions(gen->log, &extensions);
    simform_leaf_precert(&leaf, timestamp_ms, simca_spki_sha256(gen->ca, ca), buf_span(&tbs),
                         buf_span(&extensions));
    must(buf_ok(&leaf));
    /* What an SCT signs is the leaf, byte for byte (RFC 6962 section 3.2). */
    simlog_sign(gen->log, buf_span(&leaf), &signature);
    simform_sct_list(sct_list, simlog_id(gen->log), timestamp_ms, buf_span(&extensions),
                     buf_span(&signature));
    precert_span = buf_span(&precert);
    result->index[at] = simlog_append(gen->log, buf_span(&leaf), &precert_span, simgen_chain(gen, ca));
    result->precert[at] = true;
    digest_sha256(precert_span, result->sha256[at]);
    digest_sha256(buf_span(&tbs), result->tbs_fp);
    buf_fini(&precert);
    buf_fini(&tbs);
    buf_fini(&leaf);
    buf_fini(&extensions);
    buf_fini(&signature);
}

static void simgen_append_final(struct simgen *gen, X509 *draft, size_t ca, int64_t timestamp_ms,
                                struct span sct_list, struct simgen_result *result)
{
    struct buf cert, tbs, leaf, extensions;
    size_t at = result->count++;

    buf_init(&cert, SIMCA_DER_MAX);
    buf_init(&tbs, SIMCA_DER_MAX);
    buf_init(&leaf, SIMCA_DER_MAX + 64);
    buf_init(&extensions, 64);
    simca_final(gen->ca, ca, draft, sct_list, &cert, &tbs);
    simlog_extensions(gen->log, &extensions);
    simform_leaf_x509(&leaf, timestamp_ms, buf_span(&cert), buf_span(&extensions));
    must(buf_ok(&leaf));
    result->index[at] = simlog_append(gen->log, buf_span(&leaf), NULL, simgen_chain(gen, ca));
    result->precert[at] = false;
    digest_sha256(buf_span(&cert), result->sha256[at]);
    digest_sha256(buf_span(&tbs), result->tbs_fp);
    buf_fini(&cert);
    buf_fini(&tbs);
    buf_fini(&leaf);
    buf_fini(&extensions);
}

/* An SCT of a log elsewhere, over a precertificate that was never logged here: what a final certificate
 * without a twin in this log carries. */
static void simgen_foreign_sct(struct simgen *gen, X509 *draft, size_t ca, int64_t timestamp_ms,
                               struct buf *sct_list)
{
    struct buf tbs, leaf, signature;

    buf_init(&tbs, SIMCA_DER_MAX);
    buf_init(&leaf, SIMCA_DER_MAX + 64);
    buf_init(&signature, 256);
    simca_tbs(gen->ca, ca, draft, &tbs);
    simform_leaf_precert(&leaf, timestamp_ms, simca_spki_sha256(gen->ca, ca), buf_span(&tbs), SPAN_NONE);
    must(buf_ok(&leaf));
    simkey_sign(gen->foreign_log, buf_span(&leaf), &signature);
    simform_sct_list(sct_list, gen->foreign_id, timestamp_ms, SPAN_NONE, buf_span(&signature));
    buf_fini(&tbs);
    buf_fini(&leaf);
    buf_fini(&signature);
}

/* An SCT of this log, whose entry is kept back. At no index: nobody knows which one it will have. */
static void simgen_hide(struct simgen *gen, X509 *draft, size_t ca, int64_t timestamp_ms,
                        struct buf *sct_list)
{
    struct simgen_hidden *hidden = &gen->hidden[gen->hidden_count++];
    struct buf tbs, signature;

    buf_init(&tbs, SIMCA_DER_MAX);
    buf_init(&signature, 256);
    buf_init(&hidden->precert, SIMCA_DER_MAX);
    buf_init(&hidden->leaf, SIMCA_DER_MAX + 64);
    simca_precert(gen->ca, ca, draft, &hidden->precert, &tbs);
    simform_leaf_precert(&hidden->leaf, timestamp_ms, simca_spki_sha256(gen->ca, ca), buf_span(&tbs),
                         SPAN_NONE);
    must(buf_ok(&hidden->leaf));
    simlog_sign(gen->log, buf_span(&hidden->leaf), &signature);
    simform_sct_list(sct_list, simlog_id(gen->log), timestamp_ms, SPAN_NONE, buf_span(&signature));
    hidden->chain = simgen_chain(gen, ca);
    buf_fini(&tbs);
    buf_fini(&signature);
}

uint64_t simgen_reveal(struct simgen *gen)
{
    uint64_t count = gen->hidden_count;

    simlog_write(gen->log);
    while (gen->hidden_count > 0) {
        struct simgen_hidden *hidden = &gen->hidden[--gen->hidden_count];
        struct span precert = buf_span(&hidden->precert);
        (void)simlog_append(gen->log, buf_span(&hidden->leaf), &precert, hidden->chain);
        buf_fini(&hidden->leaf);
        buf_fini(&hidden->precert);
    }
    simlog_done(gen->log);
    return count;
}

/* Logs the final certificate of a precertificate that was logged some entries ago. */
static void simgen_one_late(struct simgen *gen, int64_t timestamp_ms)
{
    struct simgen_result result = {0};
    size_t at = simrand_below(&gen->rand, (uint32_t)gen->late_count);
    struct simgen_late late = gen->late[at];

    gen->late[at] = gen->late[--gen->late_count];
    simgen_append_final(gen, late.draft, late.ca, timestamp_ms, buf_span(&late.sct_list), &result);
    X509_free(late.draft);
    buf_fini(&late.sct_list);
}

/* One entry. Four of ten issuances begin with a precertificate here, and half of those log the final one as
 * well: a third of all entries are precertificates then. */
static void simgen_one(struct simgen *gen, int64_t timestamp_ms)
{
    struct simgen_result result = {0};
    struct buf sct_list;
    X509 *draft;
    size_t ca;

    if (gen->late_count == SIMGEN_DELAYED || (gen->late_count > 0 && simrand_percent(&gen->rand, 16))) {
        simgen_one_late(gen, timestamp_ms);
        return;
    }
    draft = simgen_draft(gen, &ca);
    buf_init(&sct_list, 4096);
    if (!simrand_percent(&gen->rand, 40)) {
        simgen_foreign_sct(gen, draft, ca, timestamp_ms - 1000, &sct_list);
        simgen_append_final(gen, draft, ca, timestamp_ms, buf_span(&sct_list), &result);
        X509_free(draft);
        buf_fini(&sct_list);
        return;
    }
    simgen_append_precert(gen, draft, ca, timestamp_ms, &sct_list, &result);
    if (simrand_percent(&gen->rand, 50)) {
        gen->late[gen->late_count++] = (struct simgen_late){draft, ca, sct_list};
        return;
    }
    X509_free(draft);
    buf_fini(&sct_list);
}

void simgen_mix(struct simgen *gen, uint64_t count, int64_t age_ms)
{
    int64_t now = clock_wall_ms();
    uint64_t done = 0;

    while (done < count) {
        simlog_write(gen->log);
        for (unsigned i = 0; i < SIMGEN_LOCK_STEP && done < count; i++) {
            int64_t back = (int64_t)((double)age_ms * (double)(count - 1 - done) / (double)count);
            simgen_one(gen, now - back);
            done++;
        }
        simlog_done(gen->log);
    }
}

static void simgen_spki_sha256(const X509_PUBKEY *key, uint8_t out[32])
{
    unsigned char *der = NULL;
    int length = i2d_X509_PUBKEY(key, &der);

    must(length > 0);
    digest_sha256(span_of(der, (size_t)length), out);
    OPENSSL_free(der);
}

/* A certificate that is in the chain for its size. */
static void simgen_pad_chain(struct simgen *gen, const struct simgen_order *order)
{
    static const char *const name = "pad.invalid";
    struct simca_order what = {.names = &name,
                               .name_count = 1,
                               .not_before = order->what.not_before,
                               .days = 90,
                               .pad = order->pad_chain,
                               .serial_seed = gen->serial++,
                               .key = order->what.key};
    X509 *draft = simca_draft(gen->ca, order->ca, &what, NULL);
    struct buf tbs;

    must(draft != NULL);
    buf_init(&tbs, SIMCA_DER_MAX);
    simca_final(gen->ca, order->ca, draft, SPAN_NONE, &gen->pad_chain, &tbs);
    buf_fini(&tbs);
    X509_free(draft);
}

enum err_code simgen_issue(struct simgen *gen, struct simgen_order *order, struct simgen_result *result,
                           struct err *why)
{
    X509_PUBKEY *fresh = NULL;
    struct buf sct_list;
    int64_t now = clock_wall_ms();
    X509 *draft;

    memset(result, 0, sizeof *result);
    if (order->form == SIMGEN_HIDDEN && gen->hidden_count == SIMGEN_HIDDEN_MAX)
        return err_set(why, ERR_USAGE, "issue: %d entries are hidden already", SIMGEN_HIDDEN_MAX);
    if (order->what.key == NULL)
        order->what.key = fresh =
            simgen_public(simkey_ec("issued", simrand_u64(&gen->rand) + gen->issued_keys++));
    if (order->what.not_before == 0)
        order->what.not_before = now / 1000 - 60;
    if (order->what.serial_seed == 0)
        order->what.serial_seed = gen->serial++;
    simgen_spki_sha256(order->what.key, result->spki_sha256);
    draft = simca_draft(gen->ca, order->ca, &order->what, why);
    if (draft != NULL && order->pad_chain > 0)
        simgen_pad_chain(gen, order);
    X509_PUBKEY_free(fresh);
    if (draft == NULL)
        return ERR_USAGE;
    buf_init(&sct_list, 4096);
    simlog_write(gen->log);
    if (order->form == SIMGEN_HIDDEN)
        simgen_hide(gen, draft, order->ca, now - order->age_s * 1000, &sct_list);
    else if (order->form != SIMGEN_FINAL)
        simgen_append_precert(gen, draft, order->ca, now, &sct_list, result);
    else
        simgen_foreign_sct(gen, draft, order->ca, now - 1000, &sct_list);
    if (order->form != SIMGEN_PRECERT)
        simgen_append_final(gen, draft, order->ca, now, buf_span(&sct_list), result);
    simlog_done(gen->log);
    X509_free(draft);
    buf_fini(&sct_list);
    buf_clear(&gen->pad_chain);
    return ERR_OK;
}

uint64_t simgen_malformed(struct simgen *gen, const char *name)
{
    struct buf cert, leaf, extensions;
    uint64_t index;

    buf_init(&cert, 4096);
    buf_init(&leaf, 8192);
    buf_init(&extensions, 64);
    /* A SEQUENCE that promises more than there is, around bytes that hold the name as a dNSName would. */
    buf_put(&cert, SPAN_LIT("\x30\x82\x7f\xff\x30\x84\xff\xff\xff\xff garbage \x82"));
    buf_byte(&cert, (uint8_t)strlen(name));
    buf_str(&cert, name);
    simlog_write(gen->log);
    simlog_extensions(gen->log, &extensions);
    simform_leaf_x509(&leaf, clock_wall_ms(), buf_span(&cert), buf_span(&extensions));
    must(buf_ok(&leaf));
    index = simlog_append(gen->log, buf_span(&leaf), NULL, simgen_chain(gen, 0));
    simlog_done(gen->log);
    buf_fini(&cert);
    buf_fini(&leaf);
    buf_fini(&extensions);
    return index;
}

uint64_t simgen_unknown_type(struct simgen *gen)
{
    struct buf leaf;
    uint64_t index;

    buf_init(&leaf, 4096);
    buf_u16(&leaf, 0);
    buf_u64(&leaf, (uint64_t)clock_wall_ms());
    buf_u16(&leaf, 0x8000);
    buf_str(&leaf, "an entry of a type that nobody has defined");
    simlog_write(gen->log);
    must(buf_ok(&leaf));
    index = simlog_append(gen->log, buf_span(&leaf), NULL, simlog_chain_raw(gen->log, SPAN_LIT("unknown")));
    simlog_done(gen->log);
    buf_fini(&leaf);
    return index;
}
