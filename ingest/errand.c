#include "ingest/errand.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/host.h"
#include "ingest/rfc6962.h"
#include "ingest/statict.h"

#define FRONTIER_TRIES 4

struct issuer_errand {
    struct errand *errand;
    struct follow *follow; /* NULL: free */
    struct issuers_want want;
    struct arena arena;
};

struct errand {
    struct plant *plant;
    struct issuer_errand issuer[ERRAND_ISSUERS];
    struct head_call {
        struct errand *errand;
        struct follow *follow;
    } call[LIMIT_LOGS]; /* by order of use, one per log */
    size_t call_count;
};

struct errand *errand_new(struct plant *plant)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    if (errand == NULL)
        return NULL;
    errand->plant = plant;
    for (size_t i = 0; i < ERRAND_ISSUERS; i++) {
        errand->issuer[i].errand = errand;
        if (arena_init(&errand->issuer[i].arena, 2 * LIMIT_ISSUER_BYTES))
            continue;
        while (i-- > 0)
            arena_fini(&errand->issuer[i].arena);
        free(errand);
        return NULL;
    }
    return errand;
}

void errand_free(struct errand *errand)
{
    if (errand == NULL)
        return;
    for (size_t i = 0; i < ERRAND_ISSUERS; i++)
        arena_fini(&errand->issuer[i].arena);
    free(errand);
}

static struct head_call *call_of(struct errand *errand, struct follow *follow)
{
    for (size_t i = 0; i < errand->call_count; i++)
        if (errand->call[i].follow == follow)
            return &errand->call[i];
    must(errand->call_count < LIMIT_LOGS);
    errand->call[errand->call_count] = (struct head_call){errand, follow};
    return &errand->call[errand->call_count++];
}

/* Heads
 * -------------------------------------------------------------------------------------------------------- */

static void head_accept(struct follow *follow, const struct head *head)
{
    struct follow_head *copy = follow_head_new(head);
    thread_lock(&follow->lock);
    if (copy != NULL) {
        copy->link = follow->heads_new;
        follow->heads_new = copy;
        follow->heads_new_count++;
    }
    if (!follow->head_known)
        follow->head_target = head->size;
    /* A smaller head is a frontend that lags: kept as a claim, of no use for asking. */
    if (!follow->head_known || head->size > follow->head_size)
        follow->head_size = head->size;
    follow->head_known = true;
    follow->bad_head = false;
    follow->error_head[0] = '\0';
    follow->contact_wall_ms = clock_wall_ms();
    thread_unlock(&follow->lock);
    metric_add(METRIC_HEADS_TOTAL, 1);
}

static void head_refuse(struct follow *follow, const struct err *why)
{
    bool forged = why->code == ERR_SIGNATURE;
    thread_lock(&follow->lock);
    snprintf(follow->error_head, sizeof(follow->error_head), "%s", why->text);
    follow->bad_head = forged;
    thread_unlock(&follow->lock);
    if (forged || why->code == ERR_FORMAT)
        metric_add(METRIC_HEADS_REFUSED_TOTAL, 1);
}

static void head_done(void *arg, const struct wire_reply *reply)
{
    struct head_call *call = arg;
    struct follow *follow = call->follow;
    struct plant *plant = call->errand->plant;
    int64_t now_ms = clock_mono_ms();
    follow->fetch.head_busy = false;
    if (reply->code == ERR_CLOSED)
        return;
    struct err why = reply->why;
    struct head head;
    enum err_code code = reply->code;
    if (code == ERR_OK) {
        code = follow->proto->head_read(&follow->log, reply->body, &head, &why);
        err_prefix(&why, "tree head");
    }
    if (code == ERR_OK) {
        host_well(follow->fetch.host);
        rate_backoff_reset(&follow->fetch.head_backoff);
        follow->fetch.head_fails = 0;
        follow->fetch.head_due_ms = now_ms + plant->options.poll_ms;
        head_accept(follow, &head);
    } else {
        if (code == ERR_HTTP_BUSY)
            host_hold(follow->fetch.host, now_ms, reply->retry_after_ms);
        else
            follow->fetch.head_fails++;
        follow->fetch.head_due_ms = now_ms + rate_backoff_next(&follow->fetch.head_backoff);
        head_refuse(follow, &why);
    }
    plant_kick(plant, follow);
}

static void head_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    struct follow_fetch *fetch = &follow->fetch;
    if (fetch->head_busy)
        return;
    int64_t due_ms = fetch->head_due_ms;
    if (fetch->host->hold_until_ms > due_ms)
        due_ms = fetch->host->hold_until_ms;
    thread_lock(&follow->lock);
    bool full = follow->heads_new_count >= FOLLOW_HEADS_NEW_MAX;
    thread_unlock(&follow->lock);
    if (full || due_ms > now_ms) {
        int64_t left_ms = full ? 1000 : due_ms - now_ms;
        *wait_ms = left_ms < *wait_ms ? left_ms : *wait_ms;
        return;
    }
    char url[PROTO_URL_MAX];
    follow->proto->head_url(&follow->log, url);
    arena_reset(&fetch->head_arena, LIMIT_SMALL_BYTES / 16);
    struct wire_ask ask = {url,   &fetch->head_arena, LIMIT_SMALL_BYTES,      false,
                           false, head_done,          call_of(errand, follow)};
    fetch->head_busy = wire_get(errand->plant->wire, &ask, NULL) == ERR_OK;
    fetch->head_due_ms = now_ms + 1000;
}

/* Frontiers
 * ---------------------------------------------------------------------------------------------------- */

static void frontier_answer(struct plant *plant, struct follow *follow, const struct compact *unverified)
{
    thread_lock(&follow->lock);
    follow->frontier.wanted = false;
    follow->frontier.answered = true;
    follow->frontier.known = unverified != NULL;
    if (unverified != NULL)
        follow->frontier.unverified = *unverified;
    thread_unlock(&follow->lock);
    follow->fetch.aux_tree = 0;
    follow->fetch.aux_tries = 0;
    follow->fetch.aux_full = false;
    follow->fetch.aux_count = 0;
    plant_kick(plant, follow);
}

/* One more hash tile is there: the next level down, or the answer. */
static bool tile_take(struct follow *follow, struct span body, uint64_t size)
{
    struct follow_fetch *fetch = &follow->fetch;
    unsigned count = (unsigned)(size >> (8 * (unsigned)fetch->aux_level) & 0xff);
    if (!statict_hash_nodes(body, count, fetch->aux_nodes, &fetch->aux_count))
        return false;
    fetch->aux_level--;
    fetch->aux_full = false;
    return true;
}

static void aux_fail(struct plant *plant, struct follow *follow, const struct wire_reply *reply)
{
    struct follow_fetch *fetch = &follow->fetch;
    int64_t now_ms = clock_mono_ms();
    if (reply->code == ERR_HTTP_BUSY) {
        host_hold(fetch->host, now_ms, reply->retry_after_ms);
        return;
    }
    bool missing = reply->status == 404 || reply->status == 403;
    if (follow->proto->tiles && missing && !fetch->aux_full) {
        fetch->aux_full = true;
        return;
    }
    fetch->aux_full = false;
    fetch->aux_due_ms = now_ms + (INT64_C(250) << fetch->aux_tries);
    if (++fetch->aux_tries >= FRONTIER_TRIES || (reply->status >= 400 && reply->status < 500))
        frontier_answer(plant, follow, NULL);
}

static void aux_done(void *arg, const struct wire_reply *reply)
{
    struct head_call *call = arg;
    struct follow *follow = call->follow;
    struct plant *plant = call->errand->plant;
    follow->fetch.aux_busy = false;
    if (reply->code == ERR_CLOSED)
        return;
    thread_lock(&follow->lock);
    uint64_t size = follow->frontier.size;
    thread_unlock(&follow->lock);
    struct wire_reply bad = *reply;
    if (reply->code == ERR_OK && follow->proto->tiles) {
        if (tile_take(follow, reply->body, size))
            return;
        bad.code = err_set(&bad.why, ERR_FORMAT, "a hash tile is too short");
    } else if (reply->code == ERR_OK) {
        struct compact unverified;
        bad.code = rfc6962_proof_read(reply->body, size, &unverified, &bad.why);
        if (bad.code == ERR_OK) {
            frontier_answer(plant, follow, &unverified);
            return;
        }
    }
    say_debug(follow->log.name, "frontier of %" PRIu64 ": %s", size, bad.why.text);
    aux_fail(plant, follow, &bad);
}

/* The URL of the next piece of the frontier; false: all pieces are there and the answer was given. */
static bool frontier_url(struct errand *errand, struct follow *follow, uint64_t size, char url[PROTO_URL_MAX])
{
    struct follow_fetch *fetch = &follow->fetch;
    if (!follow->proto->tiles) {
        rfc6962_proof_url(&follow->log, size, url);
        return true;
    }
    if (fetch->aux_tree == 0) {
        fetch->aux_level = STATICT_LEVELS - 1;
        fetch->aux_tree = follow->head_size;
        fetch->aux_count = 0;
    }
    unsigned width = 0;
    while (fetch->aux_level >= 0 && statict_hash_tile(&follow->log, fetch->aux_level, size, fetch->aux_tree,
                                                      fetch->aux_full, url, &width) == 0)
        fetch->aux_level--;
    if (fetch->aux_level >= 0)
        return true;
    struct compact unverified = {.size = size};
    must(fetch->aux_count == compact_count(&unverified));
    memcpy(unverified.hash, fetch->aux_nodes, fetch->aux_count * 32);
    frontier_answer(errand->plant, follow, &unverified);
    return false;
}

static void frontier_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    struct follow_fetch *fetch = &follow->fetch;
    thread_lock(&follow->lock);
    bool wanted = follow->frontier.wanted && follow->head_known && follow->head_size >= follow->frontier.size;
    uint64_t size = follow->frontier.size;
    thread_unlock(&follow->lock);
    if (!wanted || fetch->aux_busy)
        return;
    int64_t due_ms =
        fetch->host->hold_until_ms > fetch->aux_due_ms ? fetch->host->hold_until_ms : fetch->aux_due_ms;
    if (due_ms > now_ms) {
        *wait_ms = due_ms - now_ms < *wait_ms ? due_ms - now_ms : *wait_ms;
        return;
    }
    char url[PROTO_URL_MAX];
    if (!frontier_url(errand, follow, size, url))
        return;
    arena_reset(&fetch->aux_arena, 0);
    struct wire_ask ask = {url,   &fetch->aux_arena, LIMIT_JSON_BYTES,       true,
                           false, aux_done,          call_of(errand, follow)};
    fetch->aux_busy = wire_get(errand->plant->wire, &ask, NULL) == ERR_OK;
}

/* Issuers
 * ------------------------------------------------------------------------------------------------------ */

static void issuer_done(void *arg, const struct wire_reply *reply)
{
    struct issuer_errand *own = arg;
    struct plant *plant = own->errand->plant;
    struct follow *follow = own->follow;
    int64_t now_ms = clock_mono_ms();
    own->follow = NULL;
    if (reply->code == ERR_HTTP_BUSY)
        host_hold(follow->fetch.host, now_ms, reply->retry_after_ms);
    if (reply->code == ERR_OK && issuers_found(plant->issuers, &own->want, reply->body, false)) {
        plant_kick(plant, follow); /* to have it stored */
        return;
    }
    bool for_good = reply->status == 404 || reply->status == 403 || reply->status == 410;
    issuers_failed(plant->issuers, &own->want, for_good, now_ms);
    if (reply->code != ERR_CLOSED)
        say_debug(follow->log.name, "issuer certificate: %s",
                  reply->code == ERR_OK ? "the bytes have another hash" : reply->why.text);
}

static void issuers_run(struct errand *errand, struct follow *follow, int64_t now_ms)
{
    struct plant *plant = errand->plant;
    if (!follow->proto->tiles || follow->fetch.host->hold_until_ms > now_ms)
        return;
    for (size_t i = 0; i < ERRAND_ISSUERS; i++) {
        struct issuer_errand *own = &errand->issuer[i];
        if (own->follow != NULL)
            continue;
        if (!issuers_fetch(plant->issuers, follow->log.id, now_ms, &own->want))
            return;
        char url[PROTO_URL_MAX];
        statict_issuer_url(&follow->log, own->want.sha256, url);
        arena_reset(&own->arena, LIMIT_ISSUER_BYTES);
        struct wire_ask ask = {url, &own->arena, LIMIT_ISSUER_BYTES, false, false, issuer_done, own};
        own->follow = follow;
        if (wire_get(plant->wire, &ask, NULL) == ERR_OK)
            continue;
        own->follow = NULL;
        issuers_failed(plant->issuers, &own->want, false, now_ms);
    }
}

void errand_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    head_run(errand, follow, now_ms, wait_ms);
    frontier_run(errand, follow, now_ms, wait_ms);
    issuers_run(errand, follow, now_ms);
}
