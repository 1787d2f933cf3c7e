#include "ingest/pacer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "base/say.h"
#include "ingest/opkey.h"

#define START_PER_S        4.0 /* of an operator nobody knows */
#define LOOPBACK_PER_S     10000.0
#define LOOPBACK_PER_S_MIN 4.0
#define MOST_PER_S         1000.0
#define LOST_MS            1000 /* a database that is away is tried again after so long */
#define SPARE_MS           1000
#define HOLD_SAID_MS       5000 /* shorter holds are nothing to talk of */

struct pacer {
    struct pacer_options options;
    struct thread thread;
    struct lock lock;
    struct signal_cond changed;
    /* Under lock. */
    struct budget *budget[LIMIT_BUDGETS];
    size_t count;
    bool stopping;
    bool hurry;
    /* Of the thread alone. */
    struct store *store;
    int64_t lost_ms; /* the store is not tried again before; 0: it is there */
    int64_t spare_ms;
    bool lost_said;
};

struct pacer *pacer_new(const struct pacer_options *options)
{
    struct pacer *pacer = calloc(1, sizeof(*pacer));
    if (pacer == NULL)
        return NULL;
    pacer->options = *options;
    thread_lock_init(&pacer->lock);
    thread_cond_init(&pacer->changed);
    return pacer;
}

void pacer_free(struct pacer *pacer)
{
    if (pacer == NULL)
        return;
    must(!pacer->thread.running);
    for (size_t i = 0; i < pacer->count; i++) {
        budget_fini(pacer->budget[i]);
        free(pacer->budget[i]);
    }
    thread_cond_fini(&pacer->changed);
    thread_lock_fini(&pacer->lock);
    free(pacer);
}

/* Budgets ------------------------------------------------------------------------------------------ */

struct tempo_bounds pacer_bounds(const char *operator_key, const char *url, double requests_per_s)
{
    const struct opkey_known *known = opkey_known(operator_key);
    struct tempo_bounds bounds = {.start = START_PER_S, .max = MOST_PER_S};
    char by_url[PACE_OPERATOR_MAX];
    opkey_of("", url, by_url);
    /* One's own machine needs no manners, unless somebody gave it the name of an operator. */
    if (opkey_is_loopback(url) && strcmp(by_url, operator_key) == 0)
        bounds =
            (struct tempo_bounds){.start = LOOPBACK_PER_S, .max = LOOPBACK_PER_S, .min = LOOPBACK_PER_S_MIN};
    if (known != NULL) {
        bounds.fresh = known->fresh;
        bounds.known = known->per_s > 0;
        bounds.start = bounds.known ? known->per_s : bounds.start;
    }
    if (requests_per_s > 0 && requests_per_s < bounds.max)
        bounds.max = requests_per_s;
    if (bounds.start > bounds.max)
        bounds.start = bounds.max;
    return bounds;
}

static struct budget *find(struct pacer *pacer, const char *operator_key, const char *source)
{
    for (size_t i = 0; i < pacer->count; i++) {
        struct budget *budget = pacer->budget[i];
        if (strcmp(budget->operator_key, operator_key) == 0 && strcmp(budget->source, source) == 0)
            return budget;
    }
    return NULL;
}

struct budget *pacer_budget(struct pacer *pacer, const char *operator_key, const char *source,
                            const char *url)
{
    thread_lock(&pacer->lock);
    struct budget *budget = find(pacer, operator_key, source);
    if (budget == NULL && pacer->count < LIMIT_BUDGETS) {
        budget = calloc(1, sizeof(*budget));
        struct tempo_bounds bounds = pacer_bounds(operator_key, url, pacer->options.requests_per_s);
        if (budget != NULL) {
            budget_init(budget, operator_key, source, &bounds, clock_mono_ms());
            pacer->budget[pacer->count++] = budget;
        }
    }
    pacer->hurry = true;
    thread_cond_signal(&pacer->changed);
    thread_unlock(&pacer->lock);
    return budget;
}

void pacer_hurry(struct pacer *pacer)
{
    thread_lock(&pacer->lock);
    pacer->hurry = true;
    thread_cond_signal(&pacer->changed);
    thread_unlock(&pacer->lock);
}

/* Exchange ------------------------------------------------------------------------------------------ */

struct exchange {
    const struct tempo_bounds *bounds;
    struct budget_turn turn;
    struct pace pace;
    double granted;
    int64_t clock_ms;
};

static void step(void *arg, struct pace *pace, bool found, int64_t now_ms)
{
    struct exchange *exchange = arg;
    exchange->granted = budget_step(exchange->bounds, &exchange->turn, pace, found, now_ms);
    exchange->pace = *pace;
    exchange->clock_ms = now_ms;
}

static void store_lost(struct pacer *pacer, const struct err *why, int64_t now_ms)
{
    if (!pacer->lost_said)
        say_warn("pace", "operators are asked on as before, not together with other processes: %s",
                 why->text);
    pacer->lost_said = true;
    pacer->lost_ms = now_ms + LOST_MS;
}

static bool store_ready(struct pacer *pacer, int64_t now_ms)
{
    struct err why = {.code = ERR_OK};
    if (now_ms < pacer->lost_ms)
        return false;
    if (pacer->store == NULL &&
        pacer->options.store_open(pacer->options.store_arg, &pacer->store, &why) != ERR_OK) {
        store_lost(pacer, &why, now_ms);
        return false;
    }
    return true;
}

static bool shared(struct pacer *pacer, struct budget *budget, struct exchange *exchange, int64_t now_ms)
{
    struct err why = {.code = ERR_OK};
    if (!store_ready(pacer, now_ms))
        return false;
    if (pacer->store->ops->pace == NULL) {
        step(exchange, &budget->own, budget->own.rate > 0, now_ms);
        return true;
    }
    enum err_code code =
        pacer->store->ops->pace(pacer->store, budget->operator_key, budget->source, step, exchange, &why);
    if (code == ERR_OK && pacer->lost_said) {
        say_info("pace", "operators are asked together with other processes again");
        pacer->lost_said = false;
    }
    if (code != ERR_OK && code != ERR_DB_CONFLICT)
        store_lost(pacer, &why, now_ms);
    return code == ERR_OK;
}

static void said(struct budget *budget, const struct exchange *exchange)
{
    int64_t left_ms = exchange->pace.hold_until_ms - exchange->clock_ms;
    if (left_ms > HOLD_SAID_MS && !budget->told)
        say_info("pace", "%s asks to be left alone for %" PRId64 " s%s%s", budget->operator_key,
                 left_ms / 1000, budget->source[0] != '\0' ? ", as for " : "", budget->source);
    budget->told = left_ms > 0;
    if (exchange->turn.heard.refused != 0)
        say_debug("pace",
                  "%s: %u good, %u refused; from now on %.1f requests a second, held for %" PRId64 " ms",
                  budget->operator_key, exchange->turn.heard.good, exchange->turn.heard.refused,
                  exchange->pace.rate, left_ms > 0 ? left_ms : 0);
}

/* `last`: what is in hand goes back. */
static void one(struct pacer *pacer, struct budget *budget, bool last, int64_t now_ms)
{
    struct exchange exchange = {.bounds = &budget->bounds};
    budget_turn_begin(budget, &exchange.turn, now_ms);
    exchange.turn.idle = exchange.turn.idle || last;
    bool idle = exchange.turn.idle && exchange.turn.heard.sent == 0 && exchange.turn.heard.good == 0 &&
                exchange.turn.heard.refused == 0 && exchange.turn.pool < 1;
    if (idle && budget->seen.at_ms != 0)
        return;
    if (!shared(pacer, budget, &exchange, now_ms)) {
        budget_turn_undo(budget, &exchange.turn);
        return;
    }
    budget_turn_end(budget, &exchange.turn, &exchange.pace, exchange.granted, exchange.clock_ms);
    said(budget, &exchange);
    if (exchange.granted > 0 && exchange.turn.heard.starved && pacer->options.filled != NULL)
        pacer->options.filled(pacer->options.arg);
}

static void round_of(struct pacer *pacer, bool last)
{
    thread_lock(&pacer->lock);
    size_t count = pacer->count;
    pacer->hurry = false;
    thread_unlock(&pacer->lock);
    for (size_t i = 0; i < count; i++)
        one(pacer, pacer->budget[i], last, clock_mono_ms());
    int64_t now_ms = clock_mono_ms();
    if (pacer->options.spare == NULL || now_ms < pacer->spare_ms || !store_ready(pacer, now_ms))
        return;
    pacer->spare_ms = now_ms + SPARE_MS;
    pacer->options.spare(pacer->options.arg, pacer->store);
}

static void run(void *arg)
{
    struct pacer *pacer = arg;
    bool stopping = false;
    while (!stopping) {
        int64_t due_ms = clock_mono_ms() + BUDGET_SLICE_MS;
        round_of(pacer, false);
        thread_lock(&pacer->lock);
        while (!pacer->stopping && !pacer->hurry) {
            int64_t left_ms = due_ms - clock_mono_ms();
            if (left_ms <= 0 || !thread_cond_wait_ms(&pacer->changed, &pacer->lock, left_ms))
                break;
        }
        stopping = pacer->stopping;
        thread_unlock(&pacer->lock);
    }
    round_of(pacer, true);
    if (pacer->store != NULL)
        pacer->store->ops->free(pacer->store);
    pacer->store = NULL;
}

void pacer_start(struct pacer *pacer)
{
    if (pacer->options.store_open != NULL)
        must(thread_start(&pacer->thread, "pacer", run, pacer));
}

void pacer_stop(struct pacer *pacer)
{
    thread_lock(&pacer->lock);
    pacer->stopping = true;
    thread_cond_signal(&pacer->changed);
    thread_unlock(&pacer->lock);
    thread_join(&pacer->thread);
}
