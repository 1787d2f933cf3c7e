#include "ingest/budget.h"

#include <stdio.h>

#include "base/limits.h"

#define LATE_MS      20 /* so much lateness is made up for at once: timers and turns are not exact */
#define HEADS_ONE_IN 4
#define FIRST_MS     20 /* until the record was read for the first time */
#define IDLE_MS      1000
#define SHARE_NEW    0.3 /* of the last slice in what is remembered as the share */
#define ALONE_LESS   0.7 /* a refusal while nobody fills the budget up leaves this much of it */

void budget_init(struct budget *budget, const char *operator_key, const char *source,
                 const struct tempo_bounds *bounds, int64_t now_ms)
{
    *budget = (struct budget){.bounds = *bounds, .made_ms = now_ms, .share = bounds->start, .room = 1};
    (void)snprintf(budget->operator_key, sizeof(budget->operator_key), "%s", operator_key);
    (void)snprintf(budget->source, sizeof(budget->source), "%s", source);
    budget->gap_ms = 1000 / bounds->start;
    budget->fresh = bounds->fresh;
    thread_lock_init(&budget->lock);
}

void budget_fini(struct budget *budget)
{
    thread_lock_fini(&budget->lock);
}

/* Nobody has filled it up for long: the database is away, or slow. */
static void alone(struct budget *budget, int64_t now_ms)
{
    int64_t since_ms = budget->filled_ms != 0 ? budget->filled_ms : budget->made_ms;
    if (now_ms - since_ms < BUDGET_ALONE_MS)
        return;
    if (budget->alone_ms < since_ms)
        budget->alone_ms = now_ms;
    double share = budget->share > TEMPO_RATE_MIN ? budget->share : TEMPO_RATE_MIN;
    budget->pool += (double)(now_ms - budget->alone_ms) * share / 1000;
    double room = share * BUDGET_SLICE_MS / 1000 > 1 ? share * BUDGET_SLICE_MS / 1000 : 1;
    budget->pool = budget->pool < room ? budget->pool : room;
    budget->alone_ms = now_ms;
    budget->gap_ms = 1000 / share;
}

static int64_t wait_of(struct budget *budget, int64_t now_ms)
{
    budget->used_ms = now_ms;
    alone(budget, now_ms);
    if (now_ms < budget->hold_until_ms)
        return budget->hold_until_ms - now_ms;
    if (budget->filled_ms == 0 && now_ms - budget->made_ms < BUDGET_ALONE_MS)
        return FIRST_MS;
    if (budget->pool < 1) {
        budget->starved = true;
        return BUDGET_SLICE_MS / 2;
    }
    if (budget->next_ms <= (double)now_ms)
        return 0;
    budget->starved = true;
    return (int64_t)(budget->next_ms - (double)now_ms) + 1;
}

int64_t budget_wait(struct budget *budget, int64_t now_ms)
{
    thread_lock(&budget->lock);
    int64_t wait_ms = wait_of(budget, now_ms);
    thread_unlock(&budget->lock);
    return wait_ms;
}

int64_t budget_wait_head(struct budget *budget, int64_t now_ms)
{
    thread_lock(&budget->lock);
    budget->used_ms = now_ms;
    int64_t wait_ms = now_ms < budget->hold_until_ms ? budget->hold_until_ms - now_ms : 0;
    if (wait_ms == 0 && budget->filled_ms == 0 && now_ms - budget->made_ms < BUDGET_ALONE_MS)
        wait_ms = FIRST_MS;
    if (wait_ms == 0 && budget->head_ms > (double)now_ms) {
        wait_ms = (int64_t)(budget->head_ms - (double)now_ms) + 1;
        budget->starved = true;
    }
    thread_unlock(&budget->lock);
    return wait_ms;
}

int64_t budget_hold_until(struct budget *budget)
{
    thread_lock(&budget->lock);
    int64_t until_ms = budget->hold_until_ms;
    thread_unlock(&budget->lock);
    return until_ms;
}

void budget_take(struct budget *budget, bool head, int64_t now_ms, bool *fresh)
{
    thread_lock(&budget->lock);
    double from_ms = (double)(now_ms - LATE_MS);
    if (budget->next_ms > from_ms)
        from_ms = budget->next_ms;
    budget->next_ms = from_ms + budget->gap_ms;
    if (head)
        budget->head_ms =
            (budget->head_ms > from_ms ? budget->head_ms : from_ms) + HEADS_ONE_IN * budget->gap_ms;
    budget->pool -= 1;
    budget->used_ms = now_ms;
    budget->heard.sent++;
    *fresh = budget->fresh;
    thread_unlock(&budget->lock);
}

/* Without anybody who moves the record, the worst is avoided. */
static void refused_alone(struct budget *budget, int64_t now_ms)
{
    if (now_ms - budget->filled_ms < BUDGET_ALONE_MS)
        return;
    budget->share *= ALONE_LESS;
    int64_t until_ms = now_ms + tempo_backoff_ms(++budget->misses);
    if (until_ms > budget->hold_until_ms)
        budget->hold_until_ms = until_ms;
}

static bool refused(struct budget *budget, int64_t sent_ms, int64_t retry_after_ms, int64_t now_ms)
{
    struct tempo_heard *heard = &budget->heard;
    bool first = sent_ms > budget->cut_ms;
    heard->refused++;
    if (heard->refused_sent_ms < sent_ms)
        heard->refused_sent_ms = sent_ms;
    if (retry_after_ms > LIMIT_RETRY_AFTER_MS)
        retry_after_ms = LIMIT_RETRY_AFTER_MS;
    if (retry_after_ms > 0 && now_ms + retry_after_ms > budget->hold_until_ms)
        budget->hold_until_ms = now_ms + retry_after_ms;
    if (retry_after_ms > heard->hold_ms)
        heard->hold_ms = retry_after_ms;
    if (!first)
        return false;
    budget->cut_ms = now_ms;
    budget->pool = budget->pool < 0 ? budget->pool : 0;
    refused_alone(budget, now_ms);
    return true;
}

bool budget_heard(struct budget *budget, enum budget_answer answer, int64_t sent_ms, int64_t retry_after_ms,
                  int64_t now_ms)
{
    bool at_once = false;
    thread_lock(&budget->lock);
    if (answer == BUDGET_GOOD) {
        budget->heard.good++;
        budget->misses = 0;
    } else if (answer == BUDGET_REFUSED) {
        at_once = refused(budget, sent_ms, retry_after_ms, now_ms);
    }
    thread_unlock(&budget->lock);
    return at_once;
}

void budget_turn_begin(struct budget *budget, struct budget_turn *turn, int64_t now_ms)
{
    thread_lock(&budget->lock);
    *turn = (struct budget_turn){.heard = budget->heard,
                                 .pool = budget->pool,
                                 .now_ms = now_ms,
                                 .idle = now_ms - budget->used_ms > IDLE_MS};
    turn->heard.starved = budget->starved;
    if (turn->heard.hold_ms > 0) /* it was said a while ago */
        turn->heard.hold_ms = budget->hold_until_ms > now_ms ? budget->hold_until_ms - now_ms : 1;
    budget->heard = (struct tempo_heard){.sent = 0};
    budget->starved = false;
    thread_unlock(&budget->lock);
}

void budget_turn_undo(struct budget *budget, const struct budget_turn *turn)
{
    thread_lock(&budget->lock);
    struct tempo_heard *heard = &budget->heard;
    heard->sent += turn->heard.sent;
    heard->good += turn->heard.good;
    heard->refused += turn->heard.refused;
    if (heard->refused_sent_ms < turn->heard.refused_sent_ms)
        heard->refused_sent_ms = turn->heard.refused_sent_ms;
    if (heard->hold_ms < turn->heard.hold_ms)
        heard->hold_ms = turn->heard.hold_ms;
    budget->starved = budget->starved || turn->heard.starved;
    thread_unlock(&budget->lock);
}

double budget_step(const struct tempo_bounds *bounds, const struct budget_turn *turn, struct pace *pace,
                   bool found, int64_t clock_ms)
{
    struct tempo_heard heard = turn->heard;
    if (!found)
        tempo_init(pace, bounds, clock_ms);
    /* From our clock to that of the record. */
    heard.refused_sent_ms = clock_ms - (turn->now_ms - turn->heard.refused_sent_ms);
    tempo_turn(pace, bounds, &heard, clock_ms);
    double room = turn->idle ? 0 : tempo_slice(pace, BUDGET_SLICE_MS);
    double more = room - turn->pool;
    if (more >= 0)
        return tempo_lease(pace, more, BUDGET_SLICE_MS, clock_ms);
    tempo_return(pace, -more);
    return more;
}

void budget_turn_end(struct budget *budget, const struct budget_turn *turn, const struct pace *pace,
                     double granted, int64_t clock_ms)
{
    thread_lock(&budget->lock);
    int64_t since_ms = budget->filled_ms == 0 ? BUDGET_SLICE_MS : turn->now_ms - budget->filled_ms;
    if (since_ms > 0 && since_ms < BUDGET_ALONE_MS && granted >= 0)
        budget->share += SHARE_NEW * (granted * 1000 / (double)since_ms - budget->share);
    if (budget->share > pace->rate)
        budget->share = pace->rate;
    budget->pool += granted;
    budget->gap_ms = tempo_gap_ms(pace);
    budget->filled_ms = turn->now_ms;
    budget->alone_ms = 0;
    int64_t until_ms = turn->now_ms + (pace->hold_until_ms - clock_ms);
    if (pace->hold_until_ms > clock_ms && until_ms > budget->hold_until_ms)
        budget->hold_until_ms = until_ms;
    budget->fresh = tempo_fresh(pace);
    budget->seen = *pace;
    thread_unlock(&budget->lock);
}
