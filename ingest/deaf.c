#include "ingest/deaf.h"

#include <math.h>

#define SERIES         2    /* so many cuts in a row that did not help, */
#define SERIES_NOISY   5    /* or so many for which there was evidence, or Retry-After */
#define ROW            8    /* so many, where answers come slowly */
#define ANSWERS        40   /* a share is known from so many answers, */
#define REFUSALS       20   /* with so many refusals among them, */
#define ANSWERS_MAX    4000 /* or from so many, */
#define NONE_IN        150  /* or none was refused in so many, one in twice as many */
#define HALF_ANSWERS   80   /* at half the rate: so many at least, */
#define HALF_REFUSED   16   /* or so many that there would be so many refusals */
#define FULL_MIN       3.0  /* requests per second */
#define PLATEAU_MS     2000
#define FULL_MS        120000 /* or after so long */
#define HALF_MS        240000
#define SETTLE_MS      1500  /* answers to what was asked before come in */
#define REFUSED_MIN    4     /* fewer say nothing */
#define SHARE_MIN      0.005 /* less is nothing to talk of */
#define SHARE_MAX      0.65  /* of more nothing is believed */
#define SURE           4.6   /* one hypothesis is a hundred times as likely as the other */
#define SURE_HALF      2.3   /* ten times: enough when there is no time for more */
#define LIMIT_LEFT     0.125 /* of the share: what half the rate still meets of a limit */
#define SIGMAS         2.5   /* two shares differ by more than chance */
#define MORE           0.06  /* than usual: what is looked for, */
#define MORE_PART      0.1   /* and this part of what is usual */
#define ALARM          5.0   /* nats: by chance once in some ten thousand answers */
#define SMALL          0.012 /* of so little no harm comes, whatever it is, */
#define SMALL_OF       600   /* when it is known from so many answers */
#define RARE           0.005 /* is refused now and then without any meaning, */
#define RARE_MORE      0.04  /* but not so many, */
#define ALARM_RARE     4.0   /* which two close to each other show, or three of fifty, */
#define HELD_MS        1500  /* at a rate that was fine for so long, */
#define RARE_RATE      20.0  /* and where fifty take a few seconds */
#define LEAST_OF       0.75  /* of what is likely at most: a ceiling is no less */
#define KNOWN_MAX      4000  /* answers; older ones count less */
#define AGAIN_PART     0.7   /* of the rate: enough to meet much less of a limit, */
#define AGAIN_KNOWN    2     /* for so many times the answers it is known by, */
#define AGAIN_MAX      400   /* up to so many */
#define AGAIN_MS       30000 /* a lower rate is tried again after so long, then twice as long, */
#define AGAIN_REQUESTS 200   /* or as long as so many requests take, */
#define AGAIN_LATE     4     /* or much later */
#define AGAIN_TIMES    40    /* up to so many times it */
#define SOON_MS                                                                                              \
    300000 /* and not sooner than this unless the rate has sunk to a half;                                   \
              where it would take long, to a quarter */

enum phase { PHASE_NONE, PHASE_FULL, PHASE_HALF, PHASE_AGAIN };

static void run_begin(struct pace *pace, int64_t now_ms)
{
    pace->run_ms = now_ms;
    pace->run_good = 0;
    pace->run_refused = 0;
}

static void phase_begin(struct pace *pace, enum phase phase, int64_t now_ms)
{
    pace->phase = phase;
    pace->phase_ms = now_ms;
    run_begin(pace, now_ms);
}

static double answers_of(const struct pace *pace)
{
    return (double)(pace->run_good + pace->run_refused);
}

static double share_of(const struct pace *pace)
{
    return answers_of(pace) <= 0 ? 0 : (double)pace->run_refused / answers_of(pace);
}

/* How much likelier these answers are when the share is `one` than when it is `other`, in nats. */
static double evidence(const struct pace *pace, double one, double other)
{
    return (double)pace->run_refused * log(one / other) +
           (double)pace->run_good * log((1 - one) / (1 - other));
}

/* Evidence that more than usual is refused. What is usual is not known to the last digit: in case of doubt it
 * is a little more. */
static double alarm_of(const struct pace *pace)
{
    if (pace->usual <= 0)
        return evidence(pace, RARE_MORE, RARE);
    double usual = pace->usual + sqrt(pace->usual * (1 - pace->usual) / fmax(1, (double)pace->known));
    double more = usual + MORE + MORE_PART * usual;
    return more >= 1 ? 0 : evidence(pace, more, usual);
}

void deaf_count(struct pace *pace, const struct tempo_heard *heard, int64_t now_ms)
{
    if (now_ms < pace->phase_ms) /* a clock that was set */
        pace->phase_ms = now_ms;
    int64_t since_ms = pace->phase != PHASE_NONE ? pace->phase_ms : pace->cut_ms;
    if (now_ms >= since_ms && now_ms - since_ms < SETTLE_MS) {
        pace->run_ms = now_ms;
        return;
    }
    pace->run_good += heard->good;
    pace->run_refused += heard->refused;
    if (pace->phase == PHASE_NONE && alarm_of(pace) <= 0)
        run_begin(pace, now_ms);
}

/* How much likelier it is that the share is what it was before than that a limit is met at both rates, which
 * would let through as much as before of what is less now. */
static double indifference(const struct pace *pace)
{
    double part = pace->phase == PHASE_AGAIN ? AGAIN_PART : 0.5;
    double limit = fmax(1 - (1 - pace->share) / part, LIMIT_LEFT * pace->share);
    return evidence(pace, pace->share, limit);
}

static bool half_is_over(const struct pace *pace)
{
    double answers = answers_of(pace);
    if (pace->phase == PHASE_AGAIN)
        return answers >= fmax(HALF_ANSWERS, fmin(AGAIN_KNOWN * (double)pace->known, AGAIN_MAX));
    bool enough = answers >= HALF_ANSWERS && answers * pace->share >= HALF_REFUSED;
    return answers >= ANSWERS_MAX || (enough && fabs(indifference(pace)) >= SURE);
}

static bool phase_over(const struct pace *pace, int64_t now_ms)
{
    int64_t passed_ms = now_ms - pace->phase_ms;
    double answers = answers_of(pace);
    if (pace->phase != PHASE_FULL)
        return passed_ms >= HALF_MS || half_is_over(pace);
    return passed_ms >= FULL_MS || answers >= ANSWERS_MAX ||
           (answers >= ANSWERS && pace->run_refused >= REFUSALS) ||
           (answers >= SMALL_OF && share_of(pace) <= SMALL) ||
           answers >= NONE_IN * (double)(pace->run_refused + 1) * (double)(pace->run_refused + 1);
}

static void done(struct pace *pace, double rate, double usual, int64_t now_ms)
{
    pace->rounds = 0;
    pace->usual = usual;
    pace->rate = rate;
    pace->ceiling = usual > 0 ? 0 : rate;
    pace->used_ms = 0;
    pace->plateau_ms = PLATEAU_MS; /* what was taken for a limit was none: where it is, is to be found out */
    pace->series = 0;
    pace->cut_ms = now_ms;
    phase_begin(pace, PHASE_NONE, now_ms);
}

static bool telling(const struct pace *pace)
{
    return share_of(pace) >= SHARE_MIN && pace->run_refused >= REFUSED_MIN;
}

/* By how many standard deviations the share was larger before. */
static double sigmas_less(const struct pace *pace)
{
    double answers = fmax(1, answers_of(pace)), before = fmax(1, (double)pace->share_of);
    double both = (share_of(pace) * answers + pace->share * before) / (answers + before);
    double one = sqrt(both * (1 - both) * (1 / answers + 1 / before));
    double less = pace->share - share_of(pace), whole = fmin(fabs(less), 1 / answers + 1 / before);
    return one > 0 ? (less - copysign(whole, less)) / one : 0; /* answers are whole ones */
}

/* Both were the same: the share of all of them. */
static double joined(struct pace *pace)
{
    double answers = answers_of(pace), before = (double)pace->share_of;
    pace->known = (int64_t)fmin(answers + before, KNOWN_MAX);
    return (answers * share_of(pace) + before * pace->share) / fmax(1, answers + before);
}

/* What was counted is what half the rate is compared with. */
static void half_begin(struct pace *pace, int64_t now_ms)
{
    pace->share = share_of(pace);
    pace->share_of = (int64_t)answers_of(pace);
    pace->rate /= 2;
    phase_begin(pace, PHASE_HALF, now_ms);
}

/* At full rate: is there enough to compare with? */
static void full_over(struct pace *pace, int64_t now_ms)
{
    if (!telling(pace)) {
        pace->series = 0;
        phase_begin(pace, PHASE_NONE, now_ms);
        return;
    }
    if (share_of(pace) <= SMALL) {
        pace->known = (int64_t)answers_of(pace);
        done(pace, fmax(pace->rate, pace->before), share_of(pace), now_ms);
        return;
    }
    pace->came = pace->rate * (1 - share_of(pace));
    half_begin(pace, now_ms);
}

/* At half of it: what became of the share? Behind a limit there may be a share of the other kind, too, so it
 * goes on until two are the same, or nothing is left. */
static void half_over(struct pace *pace, int64_t now_ms)
{
    double share = share_of(pace);
    pace->known = (int64_t)answers_of(pace);
    if (!telling(pace) || share > SHARE_MAX || indifference(pace) < SURE_HALF) {
        if (!telling(pace) || pace->rate < 2 * TEMPO_RATE_MIN) {
            done(pace, pace->came, 0, now_ms);
            return;
        }
    } else if (sigmas_less(pace) < SIGMAS) {
        if (fabs(sigmas_less(pace)) < 1)
            share = joined(pace);
        double rate = pace->came / (1 - share);
        done(pace, pace->before > rate ? pace->before : rate, share, now_ms);
        return;
    } else if (pace->rate < 2 * TEMPO_RATE_MIN) {
        done(pace, pace->came / (1 - share), share, now_ms);
        return;
    }
    pace->before = 0; /* it was too much */
    half_begin(pace, now_ms);
}

/* A lower rate for a while: is the share still what it was? */
static void again_begin(struct pace *pace, int64_t now_ms)
{
    pace->share = pace->usual;
    pace->share_of = pace->known;
    pace->came = pace->rate * (1 - pace->usual);
    pace->before = pace->rate;
    pace->rate *= AGAIN_PART;
    phase_begin(pace, PHASE_AGAIN, now_ms);
}

static void again_over(struct pace *pace, int64_t now_ms)
{
    double off = sigmas_less(pace), share = telling(pace) ? share_of(pace) : 0;
    if (off <= -SIGMAS) { /* more than it was, or a limit: that is not known from one rate */
        pace->came = pace->rate * (1 - share);
        pace->before = 0;
        half_begin(pace, now_ms);
        return;
    }
    if (indifference(pace) <= -SURE) {
        pace->known = (int64_t)answers_of(pace);
        done(pace, pace->rate * (1 - share_of(pace)), share, now_ms);
        return;
    }
    /* In doubt it stays, and comes nearer to what was seen now. */
    pace->usual = joined(pace);
    pace->rounds++;
    pace->rate = pace->before;
    phase_begin(pace, PHASE_NONE, now_ms);
}

static int64_t again_ms(const struct pace *pace)
{
    int64_t times = pace->rounds < 0 || pace->rounds > 8 ? AGAIN_TIMES : INT64_C(1) << pace->rounds;
    double once_ms = fmax(AGAIN_MS, AGAIN_REQUESTS * 1000 / fmax(pace->rate, TEMPO_RATE_MIN));
    return (int64_t)once_ms * (times < AGAIN_TIMES ? times : AGAIN_TIMES);
}

/* Not while a limit is looked for, unless it takes long; and later where it matters little. */
static bool again_is_due(const struct pace *pace, int64_t now_ms)
{
    int64_t passed_ms = now_ms - pace->phase_ms, due_ms = again_ms(pace);
    bool looking = pace->ceiling > 0 && pace->rate > pace->ceiling;
    bool later = looking || pace->usual <= SMALL;
    return pace->usual > 0 && passed_ms > (later ? AGAIN_LATE * due_ms : due_ms);
}

bool deaf_turn(struct pace *pace, int64_t now_ms)
{
    if (pace->phase == PHASE_NONE && again_is_due(pace, now_ms))
        again_begin(pace, now_ms);
    if (pace->phase == PHASE_NONE)
        return false;
    if (!phase_over(pace, now_ms))
        return true;
    if (pace->phase == PHASE_FULL)
        full_over(pace, now_ms);
    else if (pace->phase == PHASE_HALF)
        half_over(pace, now_ms);
    else
        again_over(pace, now_ms);
    return pace->phase != PHASE_NONE;
}

bool deaf_tolerates(const struct pace *pace)
{
    /* At a rate that was held for a while one that is alone says nothing. */
    bool held = pace->ceiling > 0 && pace->used_ms >= HELD_MS && pace->rate >= RARE_RATE;
    return pace->usual > 0 ? alarm_of(pace) < ALARM : held && alarm_of(pace) < ALARM_RARE;
}

double deaf_ceiling(const struct pace *pace, int64_t now_ms)
{
    double passed_s = (double)(now_ms - pace->run_ms) / 1000;
    if (pace->usual <= 0 || answers_of(pace) <= 0)
        return pace->rate;
    /* The rate may have been lower at first, or nothing was asked for a while. */
    double most = pace->rate * fmin(1, (1 - share_of(pace)) / deaf_through(pace));
    double came = passed_s > 0 ? (double)pace->run_good / passed_s / deaf_through(pace) : most;
    return fmin(most, fmax(came, LEAST_OF * most));
}

void deaf_forget(struct pace *pace, int64_t now_ms)
{
    run_begin(pace, now_ms);
}

bool deaf_cut(struct pace *pace, bool said, int64_t now_ms)
{
    int64_t series = pace->usual > 0 || said ? SERIES_NOISY : SERIES;
    if (pace->series == 0)
        pace->before = pace->ceiling > 0 ? pace->rate : deaf_ceiling(pace, now_ms);
    bool soon = pace->phase_ms != 0 && now_ms - pace->phase_ms < SOON_MS && pace->rate > pace->before / 2;
    bool slow = pace->rate * FULL_MS / 1000 < NONE_IN && pace->rate > pace->before / 4 && pace->series < ROW;
    if (++pace->series <= series || soon || slow)
        return false;
    /* Slower than that it would take for ever. */
    double least = pace->before < FULL_MIN ? pace->before : FULL_MIN;
    pace->rate = pace->rate < least ? least : pace->rate;
    phase_begin(pace, PHASE_FULL, now_ms);
    return true;
}

double deaf_through(const struct pace *pace)
{
    return 1 - (pace->usual > SHARE_MAX ? SHARE_MAX : pace->usual);
}
