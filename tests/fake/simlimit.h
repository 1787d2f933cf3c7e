/* The limits that operators set: token buckets by address, by connection, for everybody or for the anonymous;
 * sizes of pages; slowness. Several simulators may share one set of buckets and counts (shards of one
 * operator). Thread-safe once the simulator serves; simlimit_operator, _scale and _share come before. */
#ifndef CTVIGIL_SIMLIMIT_H
#define CTVIGIL_SIMLIMIT_H

#include "base/err.h"

enum simlimit_id {
#define X(name, word, arguments, sentence) SIMLIMIT_##name,
#include "simlimit.def"
#undef X
    SIMLIMIT_COUNT
};

#define SIMLIMIT_BUCKETS (SIMLIMIT_ANONYMOUS + 1)
#define SIMLIMIT_SOURCES 64 /* addresses that are told apart; the last one stands for all further ones */
#define SIMLIMIT_WINDOWS                                                                                     \
    900 /* seconds that are counted one by one; afterwards the last one takes the rest                       \
         */
#define SIMLIMIT_TEXT_MAX 48

struct simlimit_row {
    const char *word;
    const char *arguments;
    const char *sentence;
};

struct simoperator_row {
    const char *word;
    const char *limits;
    const char *sentence;
};

/* What a limit is set to. */
struct simlimit_set {
    bool on;
    bool edge;
    double value; /* per second, entries or milliseconds; scaled */
    double burst;
    char retry[SIMLIMIT_TEXT_MAX]; /* "" none */
};

/* Bucket of one connection; zeroed when the connection opens. */
struct simlimit_fill {
    bool used;
    double tokens;
    int64_t at_ms;
};

struct simlimit_count {
    uint64_t asked;
    uint64_t answered;
    uint64_t refused;
};

struct simlimit_source {
    uint32_t address; /* IPv4, host byte order */
    struct simlimit_fill fill;
    struct simlimit_count count;
};

struct simlimits;

struct simlimit_request {
    uint32_t address;
    const char *agent;                /* User-Agent; NULL: none */
    struct simlimit_fill *connection; /* its own bucket; NULL: not known */
};

struct simlimits *simlimit_new(void);
void simlimit_free(struct simlimits *limits);

const struct simlimit_row *simlimit_row(enum simlimit_id id);
/* NULL: there are no more. */
const struct simoperator_row *simlimit_operator_row(size_t at);

/* Rates are multiplied and times divided by `factor` for every limit that is set afterwards: time that runs
 * faster, or slower. ERR_USAGE: not a number from 0.01 to 100. */
MUST_USE enum err_code simlimit_scale(struct simlimits *limits, const char *factor, struct err *why);
/* KIND[:ARGUMENTS]; later ones win. KIND:off takes one away. ERR_USAGE. */
MUST_USE enum err_code simlimit_add(struct simlimits *limits, const char *spec, struct err *why);
MUST_USE enum err_code simlimit_operator(struct simlimits *limits, const char *word, struct err *why);
/* Buckets and counts lie in `file` from now on, made when it is not there: all simulators that name it are
 * one operator. */
MUST_USE enum err_code simlimit_share(struct simlimits *limits, const char *file, struct err *why);

/* May this request be answered? Counts it. False: 429 with that Retry-After ("" none). */
MUST_USE bool simlimit_take(struct simlimits *limits, const struct simlimit_request *request,
                            char retry[SIMLIMIT_TEXT_MAX]);
/* One setting as it is now. */
struct simlimit_set simlimit_get(struct simlimits *limits, enum simlimit_id id);
/* Connections that came and went, for the counts. */
void simlimit_connected(struct simlimits *limits, int change);

struct simlimit_report {
    char operated[SIMLIMIT_TEXT_MAX]; /* "" none */
    int64_t now_ms;                   /* since the first request; 0: there was none */
    size_t windows;
    size_t sources;
    int64_t connections, connections_max;
    struct simlimit_count window[SIMLIMIT_WINDOWS];
    struct simlimit_source source[SIMLIMIT_SOURCES];
    struct simlimit_set set[SIMLIMIT_COUNT];
};

void simlimit_report(struct simlimits *limits, struct simlimit_report *report);
/* Counts begin anew. */
void simlimit_reset(struct simlimits *limits);

#endif
