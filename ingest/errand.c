#include "ingest/errand.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"
#include "base/text.h"
#include "ingest/backlog.h"
#include "ingest/forged.h"
#include "ingest/host.h"
#include "ingest/statict.h"
#include "ingest/tilewatch.h"

#define FRONTIER_TRIES 4

struct issuer_errand {
    struct errand *errand;
    struct follow *follow; /* NULL: free */
    struct host_permit permit;
    bool waits; /* for the manners of the host; nothing is under way */
    struct issuers_want want;
    struct arena arena;
};

struct errand {
    struct plant *plant;
    struct issuer_errand issuer[ERRAND_ISSUERS];
    struct head_call {
        struct errand *errand;
        struct follow *follow;
        struct host_permit head;
        struct host_permit aux;
    } call[LIMIT_FOLLOWS]; /* by order of use, one per follow */
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
    must(errand->call_count < LIMIT_FOLLOWS);
    errand->call[errand->call_count] = (struct head_call){.errand = errand, .follow = follow};
    return &errand->call[errand->call_count++];
}

static void head_done(void *arg, const struct wire_reply *reply);

/* Sends it within the manners of the host; false: it could not be made. */
static bool ask_sent(struct errand *errand, struct host *host, struct wire_ask *ask,
                     struct host_permit *permit, int64_t now_ms)
{
    host_send(host, ask, ask->done == head_done, permit, now_ms);
    if (wire_get(errand->plant->wire, ask, NULL) == ERR_OK)
        return true;
    host_unsent(permit);
    return false;
}

/* Heads ------------------------------------------------------------------------------------------ */

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
    if (!follow->head_known || head->size > follow->head_size) {
        follow->head_size = head->size;
        follow->fetch.head = *head;
        follow->fetch.head.raw = SPAN_NONE;
    }
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
    if (forged || why->code == ERR_FORMAT || why->code == ERR_TOO_BIG)
        metric_add(METRIC_HEADS_REFUSED_TOTAL, 1);
}

static void head_done(void *arg, const struct wire_reply *reply)
{
    struct head_call *call = arg;
    struct follow *follow = call->follow;
    struct plant *plant = call->errand->plant;
    int64_t now_ms = clock_mono_ms();
    follow->fetch.head_busy = false;
    host_answer(&call->head, reply, now_ms);
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
        rate_backoff_reset(&follow->fetch.head_backoff);
        follow->fetch.head_fails = 0;
        follow->fetch.forged = 0;
        follow->fetch.head_due_ms = now_ms + plant->options.poll_ms;
        head_accept(follow, &head);
    } else {
        if (code != ERR_HTTP_BUSY)
            follow->fetch.head_fails++;
        follow->fetch.head_due_ms = now_ms + rate_backoff_next(&follow->fetch.head_backoff);
        if (code == ERR_SIGNATURE)
            forged_heard(follow, reply->body);
        head_refuse(follow, &why);
    }
    plant_kick(plant, follow);
}

static void head_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    struct follow_fetch *fetch = &follow->fetch;
    if (fetch->head_busy)
        return;
    thread_lock(&follow->lock);
    bool full = follow->heads_new_count >= FOLLOW_HEADS_NEW_MAX;
    thread_unlock(&follow->lock);
    int64_t left_ms = full ? 1000 : fetch->head_due_ms - now_ms;
    if (left_ms <= 0)
        left_ms = host_wait_head(fetch->host, now_ms);
    if (left_ms > 0) {
        *wait_ms = left_ms < *wait_ms ? left_ms : *wait_ms;
        return;
    }
    char url[PROTO_URL_MAX];
    follow->proto->head_url(&follow->log, url);
    arena_reset(&fetch->head_arena, LIMIT_HEAD_BYTES);
    struct head_call *call = call_of(errand, follow);
    struct wire_ask ask = {.url = url,
                           .arena = &fetch->head_arena,
                           .ceiling = LIMIT_HEAD_BYTES,
                           .fresh = fetch->forged != 0,
                           .done = head_done,
                           .arg = call};
    fetch->head_busy = ask_sent(errand, fetch->host, &ask, &call->head, now_ms);
    fetch->head_due_ms = now_ms + 1000;
}

/* Frontiers -------------------------------------------------------------------------------------- */

/* What the log says when it is asked for a proof is kept as it came: the proof may be needed against it. */
static void answer_keep(struct follow_fetch *fetch, const struct wire_reply *reply)
{
    struct buf *out = &fetch->aux_answers;
    buf_str(out, out->len == 0 ? "[{\"url\":\"" : ",{\"url\":\"");
    text_json(out, span_str(fetch->aux_url));
    buf_fmt(out, "\",\"status\":%ld", reply->status);
    if (reply->code == ERR_OK) {
        buf_str(out, ",\"body_base64\":\"");
        char *at = (char *)buf_room(out, (reply->body.len + 2) / 3 * 4 + 1);
        if (at != NULL)
            out->len -= (reply->body.len + 2) / 3 * 4 + 1 - text_base64(reply->body, at);
        buf_byte(out, '"');
    }
    buf_byte(out, '}');
}

/* NULL: nothing; "": more than there is room for. */
static char *answers_take(struct follow_fetch *fetch)
{
    if (fetch->aux_answers.len == 0)
        return NULL;
    buf_byte(&fetch->aux_answers, ']');
    char *text = strdup(buf_text(&fetch->aux_answers));
    buf_fini(&fetch->aux_answers);
    return text;
}

/* NULL: what was asked for is not known, and will not be. */
static void frontier_answer(struct plant *plant, struct follow *follow, const struct frontier *frontier)
{
    char *answers = answers_take(&follow->fetch);
    thread_lock(&follow->lock);
    free(follow->frontier_answers);
    follow->frontier_answers = answers;
    if (follow->frontier.ordinal == follow->fetch.aux_ordinal) {
        follow->frontier.wanted = false;
        follow->frontier.answered = true;
        follow->frontier.known = frontier != NULL;
        if (frontier != NULL) {
            follow->frontier.fits = follow->frontier.claim && frontier_fits(frontier);
            follow->frontier.compact = frontier->unverified;
        }
    }
    thread_unlock(&follow->lock);
    follow->fetch.aux_begun = false;
    follow->fetch.aux_tries = 0;
    plant_kick(plant, follow);
}

/* Begins again after a while; what is refused or wrong too often is the answer "not known". */
static void aux_fail(struct plant *plant, struct follow *follow, long status, const struct err *why)
{
    struct follow_fetch *fetch = &follow->fetch;
    say_debug(follow->log.name, "frontier of %" PRIu64 ": %s", fetch->frontier.unverified.size, why->text);
    fetch->aux_begun = false;
    fetch->aux_due_ms = clock_mono_ms() + (INT64_C(250) << fetch->aux_tries);
    if (++fetch->aux_tries >= FRONTIER_TRIES || (status >= 400 && status < 500))
        frontier_answer(plant, follow, NULL);
}

static void aux_done(void *arg, const struct wire_reply *reply)
{
    struct head_call *call = arg;
    struct follow *follow = call->follow;
    struct follow_fetch *fetch = &follow->fetch;
    struct err why = reply->why;
    fetch->aux_busy = false;
    host_answer(&call->aux, reply, clock_mono_ms());
    if (reply->code == ERR_CLOSED || reply->code == ERR_HTTP_BUSY)
        return;
    if (fetch->aux_claim)
        answer_keep(fetch, reply);
    if (reply->code != ERR_OK && frontier_absent(&fetch->frontier, reply->status))
        return;
    enum err_code code = reply->code;
    if (code == ERR_OK)
        code = frontier_take(&fetch->frontier, reply->body, &why);
    if (code != ERR_OK)
        aux_fail(call->errand->plant, follow, reply->status, &why);
}

/* The URL of the next document; false: nothing to ask for, and the answer was given if there is one. */
static bool frontier_ask(struct errand *errand, struct follow *follow, const struct follow_frontier *want,
                         char url[PROTO_URL_MAX])
{
    struct follow_fetch *fetch = &follow->fetch;
    enum err_code code = ERR_OK;
    /* What was heard for an earlier request is not believed for this one. */
    if (fetch->aux_ordinal != want->ordinal) {
        fetch->aux_begun = false;
        fetch->aux_tries = 0;
        fetch->aux_ordinal = want->ordinal;
    }
    if (!fetch->aux_begun)
        buf_fini(&fetch->aux_answers);
    fetch->aux_claim = want->claim;
    if (!fetch->aux_begun && want->claim)
        frontier_begin_claim(&fetch->frontier, follow->proto->tiles, &want->head, &want->tree);
    else if (!fetch->aux_begun)
        frontier_begin(&fetch->frontier, follow->proto->tiles, want->size, &fetch->head);
    fetch->aux_begun = true;
    if (frontier_url(&fetch->frontier, &follow->log, url, &code))
        return true;
    if (code == ERR_OK) {
        frontier_answer(errand->plant, follow, &fetch->frontier);
        return false;
    }
    struct err why = {.code = ERR_OK};
    err_set(&why, code, "what the log says does not fit its signed head");
    aux_fail(errand->plant, follow, 0, &why);
    return false;
}

static void frontier_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    struct follow_fetch *fetch = &follow->fetch;
    thread_lock(&follow->lock);
    struct follow_frontier want = follow->frontier;
    bool wanted = want.wanted && (want.claim || (follow->head_known && fetch->head.size >= want.size));
    thread_unlock(&follow->lock);
    if (!wanted || fetch->aux_busy)
        return;
    int64_t left_ms = fetch->aux_due_ms - now_ms;
    if (left_ms <= 0)
        left_ms = host_wait(fetch->host, false, now_ms);
    if (left_ms > 0) {
        *wait_ms = left_ms < *wait_ms ? left_ms : *wait_ms;
        return;
    }
    char url[PROTO_URL_MAX];
    if (!frontier_ask(errand, follow, &want, url))
        return;
    arena_reset(&fetch->aux_arena, 0);
    memcpy(fetch->aux_url, url, sizeof(url));
    struct head_call *call = call_of(errand, follow);
    struct wire_ask ask = {.url = url,
                           .arena = &fetch->aux_arena,
                           .ceiling = LIMIT_JSON_BYTES,
                           .fresh = true,
                           .done = aux_done,
                           .arg = call};
    fetch->aux_busy = ask_sent(errand, fetch->host, &ask, &call->aux, now_ms);
}

/* Issuers ---------------------------------------------------------------------------------------- */

static void issuer_done(void *arg, const struct wire_reply *reply)
{
    struct issuer_errand *own = arg;
    struct plant *plant = own->errand->plant;
    struct follow *follow = own->follow;
    int64_t now_ms = clock_mono_ms();
    own->follow = NULL;
    host_answer(&own->permit, reply, now_ms);
    if (reply->code == ERR_OK && issuers_found(plant->issuers, &own->want, reply->body, false)) {
        follow->fetch.issuer_failed = false;
        plant_kick(plant, follow); /* to have it stored */
        return;
    }
    follow->fetch.issuer_failed = true;
    bool for_good = reply->status == 404 || reply->status == 403 || reply->status == 410;
    issuers_failed(plant->issuers, &own->want, for_good, now_ms);
    if (reply->code != ERR_CLOSED)
        say_debug(follow->log.name, "issuer certificate: %s",
                  reply->code == ERR_OK ? "the bytes have another hash" : reply->why.text);
}

/* True when the log has as many issuers under way as it may: one that never answers must leave room for the
 * others. */
static bool issuers_enough(const struct errand *errand, const struct follow *follow)
{
    size_t count = 0;
    for (size_t i = 0; i < ERRAND_ISSUERS; i++)
        count += errand->issuer[i].follow == follow;
    return count >= (follow->fetch.issuer_failed ? 1 : ERRAND_ISSUERS_LOG);
}

/* False: none may be asked for now. */
static bool issuers_may(const struct plant *plant, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    int64_t left_ms = plant->bytes_owed ? 0 : host_wait(follow->fetch.host, false, now_ms);
    if (left_ms > 0 && left_ms < *wait_ms)
        *wait_ms = left_ms;
    return left_ms == 0 && !plant->bytes_owed;
}

/* False: it has to wait, and keeps its place. */
static bool issuer_send(struct issuer_errand *own, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = own->errand->plant;
    struct follow *follow = own->follow;
    char url[PROTO_URL_MAX];
    own->waits = !issuers_may(plant, follow, now_ms, wait_ms);
    if (own->waits)
        return false;
    statict_issuer_url(&follow->log, own->want.sha256, url);
    arena_reset(&own->arena, LIMIT_ISSUER_BYTES);
    struct wire_ask ask = {
        .url = url, .arena = &own->arena, .ceiling = LIMIT_ISSUER_BYTES, .done = issuer_done, .arg = own};
    if (ask_sent(own->errand, follow->fetch.host, &ask, &own->permit, now_ms))
        return true;
    own->follow = NULL;
    issuers_failed(plant->issuers, &own->want, false, now_ms);
    return true;
}

static void issuers_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    struct plant *plant = errand->plant;
    if (!follow->proto->tiles && follow->tile == NULL)
        return;
    for (size_t i = 0; i < ERRAND_ISSUERS; i++) {
        struct issuer_errand *own = &errand->issuer[i];
        bool waits = own->follow == follow && own->waits;
        if (own->follow != NULL && !waits)
            continue;
        if (!waits && (issuers_enough(errand, follow) ||
                       !issuers_fetch(plant->issuers, follow->log.id, now_ms, &own->want)))
            continue;
        own->follow = follow;
        if (!issuer_send(own, now_ms, wait_ms))
            return;
    }
}

void errand_drop(struct errand *errand, struct follow *follow)
{
    wire_drop(errand->plant->wire, follow);
    for (size_t i = 0; i < errand->call_count; i++)
        if (errand->call[i].follow == follow)
            wire_drop(errand->plant->wire, &errand->call[i]);
    for (size_t i = 0; i < ERRAND_ISSUERS; i++) {
        struct issuer_errand *own = &errand->issuer[i];
        if (own->follow != follow)
            continue;
        if (own->waits) {
            own->follow = NULL;
            own->waits = false;
            issuers_failed(errand->plant->issuers, &own->want, false, clock_mono_ms());
        }
        wire_drop(errand->plant->wire, own);
    }
}

void errand_run(struct errand *errand, struct follow *follow, int64_t now_ms, int64_t *wait_ms)
{
    if (backlog_is(follow))
        backlog_heads(follow);
    else
        head_run(errand, follow, now_ms, wait_ms);
    frontier_run(errand, follow, now_ms, wait_ms);
    issuers_run(errand, follow, now_ms, wait_ms);
    tilewatch_run(errand->plant, follow, now_ms);
}
