/* Everything one simulator consists of, and what a request and its answer look like between the HTTP glue and
 * the two views. */
#ifndef CTVIGIL_SIMWORLD_H
#define CTVIGIL_SIMWORLD_H

#include "simfault.h"
#include "simgen.h"
#include "simlimit.h"
#include "simpage.h"

#define SIMWORLD_TEXT_MAX 300

struct simworld {
    struct simlog *log;
    struct simca *ca;
    struct simgen *gen;
    pthread_mutex_t gen_mutex; /* around gen: the ticker and control requests share it */
    struct simfaults faults;
    struct simlimits *limits;
    struct simpages *pages;
    struct simlist *list;
    bool serve_rfc6962;
    bool serve_static;
    bool gzip;     /* compress data tiles for clients that accept it */
    uint64_t page; /* ceiling of get-entries */
    bool edge;     /* no answer of get-entries crosses a multiple of it */
    uint64_t rate; /* entries appended per second */
    char control_url[SIMWORLD_TEXT_MAX];
    char origin[SIMWORLD_TEXT_MAX]; /* first line of the checkpoint */
    char rfc6962_url[SIMWORLD_TEXT_MAX];
    char static_url[SIMWORLD_TEXT_MAX];
    char submission_url[SIMWORLD_TEXT_MAX];
    char list_url[SIMWORLD_TEXT_MAX];
};

struct simrequest {
    enum simkind kind;
    const char *path;         /* behind the prefix of its view */
    const char *parameter[2]; /* by kind: start and end, first and second, hash or leaf_index and tree_size */
    bool accepts_gzip;
    bool full_only; /* no partial tiles here */
};

enum simreply_end { SIMREPLY_WHOLE, SIMREPLY_CUT, SIMREPLY_ENDLESS, SIMREPLY_NONE };

struct simreply {
    unsigned status;
    const char *type;
    bool gzip;
    bool immutable; /* may be cached for ever */
    enum simreply_end end;
    uint64_t entries;     /* held by a get-entries answer */
    char retry_after[64]; /* "" none */
    char etag[64];        /* "" none */
    char type_text[SIMFAULT_TEXT_MAX];
    struct span shared; /* body that lives as long as the program; absent: the body is in `body` */
    struct buf body;
};

/* Publishes a head, keeping back what the fault `future` wants kept back. Takes the write lock. */
void simworld_publish(struct simworld *world);
/* Does what a fault does at the moment it is switched on (appends entries, fills in defaults that depend on
 * the log). */
void simworld_fault_on(struct simworld *world, enum simfault_id id, const struct simfault_args *args);

#endif
