#include "ingest/deaf.h"

#include <math.h>

#define SERIES      2   /* so many cuts in a row that did not help */
#define ROW         8   /* so many, where answers come slowly */
#define ANSWERS     20  /* a share is known from so many answers, */
#define REFUSALS    12  /* with so many refusals among them, */
#define ANSWERS_MAX 400 /* or from so many, */
#define NONE_IN     150 /* or none was refused in so many, one in twice as many, */
#define EXPECTED    10  /* at half the rate: in so many that there would be so many refusals, */
#define FULL_MIN    3.0 /* requests per second */
#define PLATEAU_MS  2000
#define PHASE_MS    120000 /* or after so long */
#define SETTLE_MS   1500   /* answers to what was asked before come in */
#define REFUSED_MIN 4      /* fewer say nothing */
#define SHARE_MIN   0.005  /* less is nothing to talk of */
#define SHARE_MAX   0.9    /* more is no service at all */
#define LESS        3      /* half the rate helps when the share falls to one part in so many, */
#define MORE        1.25   /* or so much more of what is asked comes through */
#define SIGMAS      3      /* what chance does */
#define MARGIN      0.02
#define RUN_MIN     12     /* answers in which more refusals than usual can be seen, */
#define RUN_MAX     400    /* and after which counting begins anew */
#define NEW_PART    0.1    /* of such a run in what is usual */
#define AGAIN_MS    600000 /* measured again after so long, */
#define SOON_MS                                                                                              \
    300000 /* and not sooner than this unless the rate has sunk to a half;                                   \
              where it would take long, to a quarter */

enum phase { PHASE_NONE, PHASE_FULL, PHASE_HALF };

static void run_begin(struct pace *pace)
{
    pace->run_good = 0;
    pace->run_refused = 0;
}

static void phase_begin(struct pace *pace, enum phase phase, int64_t now_ms)
{
    pace->phase = phase;
    pace->phase_ms = now_ms;
    run_begin(pace);
}

static double share_of(const struct pace *pace)
{
    int64_t answers = pace->run_good + pace->run_refused;
    return answers == 0 ? 0 : (double)pace->run_refused / (double)answers;
}

/* What such a run says about what is usual. More than that would be learned from our own doing. */
static void run_end(struct pace *pace)
{
    if (share_of(pace) < pace->usual)
        pace->usual += NEW_PART * (share_of(pace) - pace->usual);
    if (pace->usual < SHARE_MIN)
        pace->usual = 0;
    run_begin(pace);
}

void deaf_count(struct pace *pace, const struct tempo_heard *heard, int64_t now_ms)
{
    if (now_ms < pace->phase_ms) /* a clock that was set */
        pace->phase_ms = now_ms;
    if (pace->phase != PHASE_NONE && now_ms - pace->phase_ms < SETTLE_MS)
        return;
    if (pace->phase == PHASE_NONE && pace->run_good + pace->run_refused >= RUN_MAX)
        run_end(pace);
    pace->run_good += heard->good;
    pace->run_refused += heard->refused;
}

static bool phase_over(const struct pace *pace, int64_t now_ms)
{
    int64_t answers = pace->run_good + pace->run_refused;
    if (now_ms - pace->phase_ms >= PHASE_MS || answers >= ANSWERS_MAX)
        return true;
    if (pace->phase == PHASE_HALF)
        return answers >= ANSWERS && (double)answers * pace->share >= EXPECTED;
    return (answers >= ANSWERS && pace->run_refused >= REFUSALS) ||
           answers >= NONE_IN * (pace->run_refused + 1);
}

static void done(struct pace *pace, double rate, double usual, int64_t now_ms)
{
    pace->usual = usual;
    pace->rate = rate;
    pace->ceiling = rate;
    pace->used_ms = 0;
    pace->plateau_ms = PLATEAU_MS; /* where the limit is, if there is one, is to be found out */
    pace->series = 0;
    pace->cut_ms = now_ms;
    phase_begin(pace, PHASE_NONE, now_ms);
}

static bool telling(const struct pace *pace)
{
    return share_of(pace) >= SHARE_MIN && pace->run_refused >= REFUSED_MIN;
}

/* At full rate: is there enough to compare with? */
static void full_over(struct pace *pace, int64_t now_ms)
{
    if (share_of(pace) > SHARE_MAX || !telling(pace)) {
        pace->series = 0;
        phase_begin(pace, PHASE_NONE, now_ms);
        return;
    }
    pace->share = share_of(pace);
    pace->came = pace->rate * (1 - pace->share);
    pace->rate /= 2;
    phase_begin(pace, PHASE_HALF, now_ms);
}

/* At half of it: what became of the share? Behind a limit there may be a share of the other kind, too, so it
 * goes on until two are the same, or nothing is left. */
static void half_over(struct pace *pace, int64_t now_ms)
{
    double share = share_of(pace);
    bool few = pace->run_good + pace->run_refused < RUN_MIN;
    if (share * LESS < pace->share || 1 - share > MORE * (1 - pace->share)) {
        if (few || !telling(pace) || pace->rate < 2 * TEMPO_RATE_MIN) {
            done(pace, pace->came, 0, now_ms);
            return;
        }
        pace->share = share;
        pace->before = 0; /* it was too much */
        pace->rate /= 2;
        phase_begin(pace, PHASE_HALF, now_ms);
        return;
    }
    double kept = (share + pace->share) / 2;
    double rate = pace->came / (1 - kept);
    done(pace, pace->before > rate ? pace->before : rate, kept, now_ms);
}

bool deaf_turn(struct pace *pace, int64_t now_ms)
{
    if (pace->phase == PHASE_NONE && pace->usual > 0 && now_ms - pace->phase_ms > AGAIN_MS) {
        pace->share = pace->usual;
        pace->came = pace->rate * (1 - pace->usual);
        pace->before = pace->rate;
        pace->rate /= 2;
        phase_begin(pace, PHASE_HALF, now_ms);
    }
    if (pace->phase == PHASE_NONE)
        return false;
    if (!phase_over(pace, now_ms))
        return true;
    if (pace->phase == PHASE_FULL)
        full_over(pace, now_ms);
    else
        half_over(pace, now_ms);
    return pace->phase != PHASE_NONE;
}

bool deaf_tolerates(const struct pace *pace)
{
    double answers = (double)(pace->run_good + pace->run_refused);
    if (pace->usual <= 0)
        return false;
    if (answers < RUN_MIN)
        return true;
    double chance = SIGMAS * sqrt(pace->usual * (1 - pace->usual) / answers);
    return share_of(pace) <= pace->usual + chance + MARGIN;
}

bool deaf_cut(struct pace *pace, int64_t now_ms)
{
    if (pace->series == 0)
        pace->before = pace->rate;
    bool soon = pace->phase_ms != 0 && now_ms - pace->phase_ms < SOON_MS && pace->rate > pace->before / 2;
    bool slow = pace->rate * PHASE_MS / 1000 < NONE_IN && pace->rate > pace->before / 4 && pace->series < ROW;
    if (++pace->series <= SERIES || soon || slow) {
        run_begin(pace);
        return false;
    }
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
