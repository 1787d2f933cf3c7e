#include "ingest/tempo.h"

#include <math.h>

#include "base/limits.h"
#include "ingest/deaf.h"

#define STEP_MS_MAX    5000 /* a longer silence gives no more than this */
#define TURN_MS        250  /* somebody looks about so often */
#define WINDOW_MS_MIN  400  /* shorter ones say nothing about a rate */
#define BELOW          0.97 /* of the ceiling: where asking goes on */
#define AFTER_CUT      0.92 /* of the ceiling: right after a refusal, */
#define BACK_MS        1500 /* and so long back to BELOW */
#define UNIT_REQUESTS  12   /* the unit of time for probing: a second, or as long as so many requests take, */
#define UNIT_NOISY     40   /* more of them where some are refused whatever we do */
#define BELOW_NOISY    0.955 /* and there a ceiling is not as well known */
#define PLATEAU_MIN    2     /* units */
#define PLATEAU_MAX    30
#define PLATEAU_MS_MAX 150000
#define NOISY_MIN      5
#define NOISY_MAX      100 /* units, where to see a limit takes more answers that are refused because of it */
#define NOISY_MS_MAX   500000
#define NOISY_NEW      0.4 /* of a ceiling that is nearly the old one */
#define HURRY_NOISY    1.4 /* the more is too much, the sooner it is seen */
#define RECENT_UNITS   4   /* a refusal so soon after a cut: it was not enough */
#define SERIES_UNITS   12  /* without a refusal for so long, a row of them is over */
#define NEARLY         0.85
#define STEADY         1.02
#define STEADY_UNITS   10
#define STEP_FIRST     0.85 /* then the ceiling sinks, at first by this, */
#define STEP_LATER     0.95 /* and by this once it was good for a while */
#define FAR_BELOW      0.7
#define OUTDATED       1.5 /* beyond this multiple of the ceiling it grows by this part of itself in a unit */
#define OUTDATED_GAIN  0.1
#define HOLD_COST      50     /* a hold may cost one part in so many, */
#define HOLD_COST_NEW  20     /* and of these while a ceiling was seen once only: it may be far too low */
#define FRESH_GAIN     1.3    /* what connections of their own must carry more, */
#define FRESH_REQUESTS 16     /* for so many requests, */
#define FRESH_MS       3000   /* and for so long, */
#define FRESH_NOISY    160    /* or for so many, where some are refused whatever we do */
#define FRESH_RATE_MAX 50     /* every connection costs the operator a handshake */
#define GAP            1.02   /* a little faster than the rate, so that late turns are made up for */
#define MEMORY_MS      300000 /* the shares shown to people are of about so long ago */
#define BACKOFF_MS     1000
#define BACKOFF_MS_MAX 300000

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* As little as can be told apart: a second, more when requests are rare. */
static double unit_ms(const struct pace *pace)
{
    double requests = pace->usual > 0 ? UNIT_NOISY : UNIT_REQUESTS;
    return most(1000, requests * 1000 / most(pace->rate, TEMPO_RATE_MIN));
}

void tempo_init(struct pace *pace, const struct tempo_bounds *bounds, int64_t now_ms)
{
    *pace = (struct pace){.rate = least(bounds->start, bounds->max), .at_ms = now_ms, .window_ms = now_ms};
    pace->tokens = 1;
    pace->fresh = bounds->fresh ? PACE_FRESH_YES : PACE_FRESH_UNKNOWN;
    if (!bounds->known)
        return;
    pace->ceiling = bounds->start;
    pace->plateau_ms = (int64_t)(PLATEAU_MIN * unit_ms(pace));
}

bool tempo_fresh(const struct pace *pace)
{
    return pace->fresh == PACE_FRESH_TRIED || pace->fresh == PACE_FRESH_YES;
}

int64_t tempo_backoff_ms(int64_t misses)
{
    int64_t wait_ms = BACKOFF_MS;
    for (; misses > 1 && wait_ms < BACKOFF_MS_MAX; misses--)
        wait_ms *= 2;
    return wait_ms < BACKOFF_MS_MAX ? wait_ms : BACKOFF_MS_MAX;
}

/* A record from elsewhere, or a clock that was set, must not stop asking for ever. */
static void times_mend(struct pace *pace, int64_t now_ms)
{
    if (pace->at_ms > now_ms) {
        int64_t back_ms = pace->at_ms - now_ms;
        pace->cut_ms = pace->cut_ms > back_ms ? pace->cut_ms - back_ms : 0;
        pace->window_ms = now_ms;
        pace->at_ms = now_ms;
    }
    if (pace->hold_until_ms > now_ms + LIMIT_RETRY_AFTER_MS)
        pace->hold_until_ms = now_ms + LIMIT_RETRY_AFTER_MS;
}

/* Counting --------------------------------------------------------------------------------------- */

static void window_begin(struct pace *pace, int64_t now_ms)
{
    pace->window_ms = now_ms;
    pace->window_sent = 0;
    pace->window_good = 0;
    pace->window_refused = 0;
}

static void count(struct pace *pace, const struct tempo_heard *heard, int64_t step_ms)
{
    double keep = exp(-(double)step_ms / MEMORY_MS);
    pace->total = pace->total * keep + heard->good + heard->refused;
    pace->refused = pace->refused * keep + heard->refused;
    pace->window_sent += heard->sent;
    pace->window_good += heard->good;
    pace->window_refused += heard->refused;
    if (heard->good != 0)
        pace->misses = 0;
}

static void window_turn(struct pace *pace, int64_t now_ms)
{
    if (now_ms < pace->hold_until_ms)
        window_begin(pace, now_ms);
    double passed_ms = (double)(now_ms - pace->window_ms);
    if (passed_ms < unit_ms(pace))
        return;
    pace->good = (double)pace->window_good * 1000 / passed_ms;
    double part = least(1, passed_ms / (STEADY_UNITS * unit_ms(pace)));
    pace->steady = pace->steady <= 0 ? pace->good : pace->steady + part * (pace->good - pace->steady);
    pace->sent = (double)pace->window_sent * 1000 / passed_ms;
    window_begin(pace, now_ms);
}

/* Good answers per second of late. */
static double came_through(const struct pace *pace, int64_t now_ms)
{
    int64_t passed_ms = now_ms - pace->window_ms;
    double now = passed_ms > 0 ? (double)pace->window_good * 1000 / (double)passed_ms : 0;
    if (pace->good <= 0 || (double)passed_ms >= unit_ms(pace) / 2)
        return passed_ms >= WINDOW_MS_MIN ? now : most(now, pace->good);
    return pace->good;
}

/* Refusals --------------------------------------------------------------------------------------- */

static void hold(struct pace *pace, int64_t hold_ms, int64_t now_ms)
{
    if (hold_ms > LIMIT_RETRY_AFTER_MS)
        hold_ms = LIMIT_RETRY_AFTER_MS;
    if (now_ms + hold_ms > pace->hold_until_ms)
        pace->hold_until_ms = now_ms + hold_ms;
}

/* How long nothing more is tried: longer each time the ceiling proves right, and at least so long that what a
 * refusal costs (a hold, `hold_ms`) is small beside it. */
static int64_t plateau(const struct pace *pace, double was, int64_t hold_ms)
{
    double unit = unit_ms(pace), before = (double)pace->plateau_ms;
    bool same = was > 0 && pace->ceiling > was * 0.9 && pace->ceiling < was * 1.1;
    double ms = PLATEAU_MIN * unit, longest_ms = least(PLATEAU_MAX * unit, PLATEAU_MS_MAX);
    if (same)
        ms = most(ms, 2 * before);
    if (pace->usual > 0) {
        ms = most(NOISY_MIN * unit, same ? 2 * before : before / 4);
        longest_ms = least(NOISY_MAX * unit, NOISY_MS_MAX);
    }
    return (int64_t)most(least(ms, longest_ms), (same ? HOLD_COST : HOLD_COST_NEW) * (double)hold_ms);
}

static bool cut(struct pace *pace, const struct tempo_bounds *bounds, int64_t hold_ms, int64_t now_ms)
{
    double was = pace->ceiling;
    bool recent = was > 0 && (double)(now_ms - pace->cut_ms) < RECENT_UNITS * unit_ms(pace);
    double noisy = deaf_ceiling(pace, now_ms);
    if (deaf_cut(pace, hold_ms > 0, now_ms))
        return false;
    deaf_forget(pace, now_ms);
    if (pace->usual > 0) {
        if (was > 0 && !recent && noisy > NEARLY * was && noisy * NEARLY < was)
            noisy = was + NOISY_NEW * (noisy - was);
        if (was > 0 && !recent) /* chance, or it will be seen again at once */
            noisy = most(noisy, NEARLY * was);
        pace->ceiling = most(noisy, most(pace->rate / 2, TEMPO_RATE_MIN));
        pace->plateau_ms = plateau(pace, was, hold_ms);
        pace->rate = most(TEMPO_RATE_MIN, least(AFTER_CUT * pace->ceiling, bounds->max));
        return true;
    }
    if (was > 0 && !recent && hold_ms == 0 && pace->used_ms < pace->plateau_ms && pace->rate < was) {
        /* It went well at this rate, and one says little: the ceiling is asked sooner whether it is still
         * right. */
        pace->plateau_ms = (int64_t)most(PLATEAU_MIN * unit_ms(pace), (double)pace->plateau_ms / 2);
        pace->rate = most(TEMPO_RATE_MIN, least(AFTER_CUT * pace->ceiling, bounds->max));
        return true;
    }
    double came = came_through(pace, now_ms);
    /* What came through for a while is a better measure than the answers of a second: a limit may have been
     * saving. */
    double ceiling = was > 0 && !recent ? most(STEADY * pace->steady, NEARLY * pace->rate) : came;
    ceiling = least(pace->rate, most(ceiling, pace->rate / 2));
    /* A hold makes plateaus long, and lets a limit save up what then comes through. */
    bool proven = hold_ms == 0 && pace->plateau_ms > 4 * PLATEAU_MIN * 1000;
    double less = was * (proven ? STEP_LATER : STEP_FIRST);
    if (recent) /* in so short a time one request more or less is much */
        ceiling = ceiling > FAR_BELOW * was ? less : least(ceiling, less);
    pace->ceiling = most(ceiling, TEMPO_RATE_MIN);
    pace->plateau_ms = plateau(pace, was, hold_ms);
    pace->rate = most(TEMPO_RATE_MIN, least(AFTER_CUT * pace->ceiling, bounds->max));
    return true;
}

/* Nothing came through at all: nothing is learned about rates, and we come back ever more rarely. */
static void miss(struct pace *pace, const struct tempo_bounds *bounds, int64_t now_ms)
{
    pace->misses++;
    if (pace->misses > 1)
        hold(pace, tempo_backoff_ms(pace->misses - 1), now_ms);
    if (pace->misses > 3)
        pace->rate = most(TEMPO_RATE_MIN, least(pace->rate, most(pace->ceiling, bounds->start) / 2));
}

/* Connections of their own, for a while and a little faster than what was refused just now. */
static bool trial_begin(struct pace *pace, const struct tempo_bounds *bounds, double came)
{
    if (pace->fresh != PACE_FRESH_UNKNOWN || bounds->kept || came < 1 ||
        FRESH_GAIN * came > least(bounds->max, FRESH_RATE_MAX))
        return false;
    pace->fresh = PACE_FRESH_TRIED;
    pace->ceiling = least(pace->rate, came / deaf_through(pace));
    pace->rate = least(least(FRESH_GAIN * pace->ceiling, bounds->max), FRESH_RATE_MAX);
    pace->trial = (int64_t)most(pace->usual > 0 ? FRESH_NOISY : FRESH_REQUESTS, pace->rate * FRESH_MS / 1000);
    return true;
}

static void trial_turn(struct pace *pace, const struct tempo_heard *heard)
{
    if (pace->fresh != PACE_FRESH_TRIED)
        return;
    pace->trial -= heard->good;
    if (pace->trial > 0)
        return;
    pace->fresh = PACE_FRESH_YES;
    pace->ceiling = 0;
}

/* Some are refused whatever we do, so a few that were not proved nothing about connections of their own: they
 * are tried again, and longer, when a limit is met. */
static void trial_doubt(struct pace *pace, const struct tempo_bounds *bounds)
{
    if (pace->fresh == PACE_FRESH_YES && !bounds->fresh)
        pace->fresh = PACE_FRESH_UNKNOWN;
}

/* It is no more than usual, or being measured. */
static bool usual(const struct pace *pace, const struct tempo_heard *heard)
{
    bool lives = heard->good != 0 || pace->window_good != 0 || pace->good > 0;
    bool said = pace->usual <= 0 && heard->hold_ms > 0;
    return lives && (pace->phase != 0 || (!said && deaf_tolerates(pace)));
}

static void refused(struct pace *pace, const struct tempo_bounds *bounds, const struct tempo_heard *heard,
                    int64_t now_ms)
{
    if (heard->refused_sent_ms <= pace->cut_ms)
        return; /* it went out together with one that was told of already */
    bool lives = heard->good != 0 || pace->window_good != 0 || pace->good > 0;
    double came = came_through(pace, now_ms);
    bool tried = pace->fresh == PACE_FRESH_TRIED;
    if (!lives) {
        miss(pace, bounds, now_ms);
    } else if (heard->hold_ms == 0 && trial_begin(pace, bounds, came)) {
        ;
    } else if (tried) {
        pace->fresh = PACE_FRESH_NO;
        pace->plateau_ms = plateau(pace, 0, heard->hold_ms);
        pace->rate = AFTER_CUT * pace->ceiling;
    } else {
        pace->misses++;
        if (pace->misses > 1)
            hold(pace, tempo_backoff_ms(pace->misses - 1), now_ms);
        if (!cut(pace, bounds, heard->hold_ms, now_ms)) {
            pace->cut_ms = now_ms;
            return;
        }
    }
    pace->cut_ms = now_ms;
    pace->used_ms = 0;
    pace->tokens = least(pace->tokens, 0);
    pace->good = 0;
    window_begin(pace, now_ms);
}

/* Growth ----------------------------------------------------------------------------------------- */

/* A little below the ceiling, and after the plateau slowly beyond it. */
static double by_ceiling(const struct pace *pace)
{
    double back = least(1, (double)pace->used_ms / BACK_MS);
    double x = ((double)pace->used_ms - (double)pace->plateau_ms) / unit_ms(pace);
    x *= pace->usual > 0 ? HURRY_NOISY : 1;
    double beyond = x > 0 ? 0.012 * x + 0.00015 * x * x * x : 0;
    double below = pace->usual > 0 ? BELOW_NOISY : BELOW;
    return pace->ceiling * (AFTER_CUT + (below - AFTER_CUT) * back + beyond);
}

static void grow(struct pace *pace, const struct tempo_bounds *bounds, int64_t step_ms, int64_t now_ms)
{
    if (pace->fresh == PACE_FRESH_TRIED || pace->phase != 0)
        return;
    if ((double)(now_ms - pace->cut_ms) > SERIES_UNITS * unit_ms(pace))
        pace->series = 0;
    double rate = pace->rate;
    pace->used_ms += step_ms;
    if (pace->ceiling <= 0)
        rate *= exp2((double)step_ms / (pace->usual > 0 ? unit_ms(pace) : 1000));
    else if (rate > OUTDATED * pace->ceiling)
        rate *= 1 + OUTDATED_GAIN * (double)step_ms / unit_ms(pace);
    else
        rate = most(rate, by_ceiling(pace));
    pace->rate =
        least(rate, pace->fresh == PACE_FRESH_YES ? least(bounds->max, FRESH_RATE_MAX) : bounds->max);
}

/* Most that is saved: a second's, and where that is less than one request, one and what comes while nobody
 * looks. */
static double room(const struct pace *pace)
{
    return most(pace->rate, 1 + pace->rate * TURN_MS / 1000);
}

void tempo_turn(struct pace *pace, const struct tempo_bounds *bounds, const struct tempo_heard *heard,
                int64_t now_ms)
{
    times_mend(pace, now_ms);
    int64_t step_ms = now_ms - pace->at_ms < STEP_MS_MAX ? now_ms - pace->at_ms : STEP_MS_MAX;
    pace->at_ms = now_ms;
    pace->tokens = least(pace->tokens + pace->rate * (double)step_ms / 1000, room(pace));
    count(pace, heard, step_ms);
    deaf_count(pace, heard, now_ms);
    bool quiet = pace->usual <= 0;
    (void)deaf_turn(pace, now_ms);
    if (quiet && pace->usual > 0)
        trial_doubt(pace, bounds);
    trial_turn(pace, heard);
    if (heard->refused != 0 && heard->hold_ms > 0)
        hold(pace, heard->hold_ms, now_ms);
    if (heard->refused != 0 && !usual(pace, heard))
        refused(pace, bounds, heard, now_ms);
    else if (heard->starved && now_ms >= pace->hold_until_ms)
        grow(pace, bounds, step_ms, now_ms);
    pace->rate = least(most(pace->rate, most(bounds->min, TEMPO_RATE_MIN)), bounds->max);
    window_turn(pace, now_ms);
}

double tempo_gap_ms(const struct pace *pace)
{
    return 1000 / (GAP * most(pace->rate, TEMPO_RATE_MIN));
}

double tempo_slice(const struct pace *pace, int64_t slice_ms)
{
    /* What was left over is made up for slowly: a limit may not know how quiet it was before. */
    return ceil(1.25 * pace->rate * (double)slice_ms / 1000);
}

double tempo_lease(struct pace *pace, double want, int64_t slice_ms, int64_t now_ms)
{
    if (now_ms < pace->hold_until_ms)
        return 0;
    double given = floor(least(want, least(pace->tokens, tempo_slice(pace, slice_ms))));
    if (given < 1)
        return 0;
    pace->tokens -= given;
    return given;
}

void tempo_return(struct pace *pace, double unused)
{
    pace->tokens = least(pace->tokens + unused, room(pace));
}
