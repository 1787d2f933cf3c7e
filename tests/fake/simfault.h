/* Faults on order: which are switched on, how often each struck, and how often each kind of request came.
 * Thread-safe. */
#ifndef CTVIGIL_SIMFAULT_H
#define CTVIGIL_SIMFAULT_H

#include <pthread.h>

#include "base/err.h"

enum simkind {
#define X(name, word) SIMKIND_##name,
#include "simkind.def"
#undef X
    SIMKIND_COUNT
};

enum simfault_id {
#define X(name, word, arguments, kinds, default1, default2, sentence) SIMFAULT_##name,
#include "simfault.def"
#undef X
    SIMFAULT_COUNT
};

#define SIMFAULT_TEXT_MAX 128

struct simfault_row {
    const char *word;
    const char *arguments;
    const char *kinds;
    uint64_t defaults[2];
    const char *sentence;
};

struct simfault_args {
    uint64_t number[2];
    char text[2][SIMFAULT_TEXT_MAX]; /* "" when not given */
};

struct simfault_state {
    bool on;
    enum simkind kind; /* SIMKIND_COUNT: every kind the fault knows */
    struct simfault_args args;
    uint64_t seen; /* requests it could have struck since it was switched on */
    uint64_t hits;
};

struct simfaults {
    pthread_mutex_t mutex;
    struct simfault_state fault[SIMFAULT_COUNT];
    uint64_t requests[SIMKIND_COUNT];
};

void simfault_init(struct simfaults *faults);
void simfault_fini(struct simfaults *faults);

const struct simfault_row *simfault_row(enum simfault_id id);
const char *simfault_kind_word(enum simkind kind);

/* Reads NAME[:ARG[:ARG]][@KIND] and switches the fault on, with fresh counts. *id says which. ERR_USAGE
 * otherwise. */
MUST_USE enum err_code simfault_set(struct simfaults *faults, const char *spec, enum simfault_id *id,
                                    struct simfault_args *args, struct err *why);
/* A word of the table, or "all". False: unknown word. Counts stay. */
MUST_USE bool simfault_clear(struct simfaults *faults, const char *word);

/* Is it on for requests of this kind? No count. */
MUST_USE bool simfault_on(struct simfaults *faults, enum simfault_id id, enum simkind kind,
                          struct simfault_args *args);
/* The same, and counts a hit. */
MUST_USE bool simfault_hit(struct simfaults *faults, enum simfault_id id, enum simkind kind,
                           struct simfault_args *args);
/* The same for faults whose first argument is EVERY: true for each EVERY-th call. */
MUST_USE bool simfault_every(struct simfaults *faults, enum simfault_id id, enum simkind kind,
                             struct simfault_args *args);
/* For flip: true while entry `index` is to be served wrong. */
MUST_USE bool simfault_flip(struct simfaults *faults, uint64_t index, enum simkind kind);
/* For flip: is an entry of [begin, end) still to be served wrong? No count. */
MUST_USE bool simfault_flips(struct simfaults *faults, uint64_t begin, uint64_t end, enum simkind kind);
/* Replaces a default argument that depends on the log. */
void simfault_number(struct simfaults *faults, enum simfault_id id, size_t at, uint64_t number);

void simfault_count(struct simfaults *faults, enum simkind kind);
void simfault_snapshot(struct simfaults *faults, struct simfault_state state[SIMFAULT_COUNT],
                       uint64_t requests[SIMKIND_COUNT]);

#endif
