/* The DNS names of a batch, asked for in the snapshot some hundreds before they are needed: in a long list
 * each of them would otherwise wait for memory alone. Names come in the order of the entries, and in an entry
 * in the order of its names; whoever asks has to keep to it. Makes no difference to what is found. */
#ifndef CTVIGIL_LOOKAHEAD_H
#define CTVIGIL_LOOKAHEAD_H

#include "model/batch.h"
#include "watcher/watchset.h"

#define LOOKAHEAD_NAMES 256
#define LOOKAHEAD_KEYS  512

/* Spans are borrowed. */
struct lookahead {
    const struct watchset *set;
    const struct batch *batch;
    size_t entry; /* the next name to be read */
    size_t name;
    struct span names[LOOKAHEAD_NAMES];
    struct namesift_key keys[LOOKAHEAD_KEYS];
    size_t count;
    size_t at; /* the next name that will be asked for */
    size_t key_count;
    size_t key;
    bool plain; /* these names have more keys than there is room for: each is looked up alone */
};

/* What is inside of it is made when it is needed. */
void lookahead_init(struct lookahead *ahead, const struct watchset *set, const struct batch *batch);
/* watchset_find for the batch's next name of kind NAME_DNS, which is `name`. */
void lookahead_find(struct lookahead *ahead, struct span name, watchset_hit *hit, void *arg);

#endif
