/* One log as it is followed: what its fetch loop, its workers and its settler tell each other. Every member
 * says who owns it; what is under `lock` is touched with the lock held and never together with another lock.
 */
#ifndef CTVIGIL_FOLLOW_H
#define CTVIGIL_FOLLOW_H

#include <stdatomic.h>

#include "base/rate.h"
#include "base/thread.h"
#include "db/store.h"
#include "ingest/frontier.h"
#include "ingest/host.h"
#include "ingest/hybrid.h"
#include "ingest/lane.h"
#include "ingest/leafkeep.h"
#include "ingest/proto.h"
#include "ingest/refute.h"
#include "ingest/tilecheck.h"
#include "ingest/turn.h"
#include "ingest/window.h"

#define FOLLOW_HEADS_NEW_MAX 16
#define FOLLOW_HEADS_MAX     64
#define FOLLOW_CONDEMNED_MAX 16
#define FOLLOW_MAGIC         0x464f4c4cu

/* A signed head with its own copy of the bytes; heap, counted by whoever lists it. */
struct follow_head {
    struct follow_head *link;
    struct head head; /* raw points to the copy below */
    uint8_t raw[];
};

/* A request of the settler to the fetch loop: rebuild the frontier of `size`; as a claim: is `head`, smaller
 * than `tree`, of the same tree? */
struct follow_frontier {
    uint64_t ordinal; /* raised by every request; an answer to an older one is dropped */
    bool wanted;
    bool answered;
    bool known; /* the answer: `compact` is set, and proven; false: the log refused, or what it said does not
                   fit */
    uint64_t size;
    struct compact compact;
    bool claim;
    bool fits; /* a claim's answer; false: proven wrong */
    struct head head;
    struct head tree; /* both without raw */
};

enum follow_again { FOLLOW_NOT_AGAIN, FOLLOW_PROBE, FOLLOW_MEND, FOLLOW_CLAIM };

/* A head that the rebuilt tree did not equal. */
struct follow_suspect {
    bool active;
    struct follow_head *head;
    uint8_t computed[32];
    uint64_t begin; /* verified size then */
};

/* Entries that came otherwise the second time; the chain is SHA-256 over itself and each leaf hash in turn.
 */
struct follow_stretch {
    uint64_t begin;
    uint64_t end;
    uint8_t chain[32];
};

struct follow_condemned {
    uint64_t size;
    uint8_t root[32];
};

/* Smaller signed heads that are being compared with the verified tree, one after the other (claims.h). */
enum follow_claim_step { FOLLOW_CLAIM_NONE, FOLLOW_CLAIM_PROOF, FOLLOW_CLAIM_SINCE, FOLLOW_CLAIM_ENTRY };

struct follow_claim {
    bool due; /* the store may have some that nobody has judged */
    int64_t due_ms;
    int64_t look_ms; /* when it is looked for some unasked */
    struct rate_backoff backoff;
    struct follow_head *list; /* the first is the one at hand */
    bool more;                /* the store may have more of them */
    bool open;                /* one of them could not be judged */
    enum follow_claim_step step;
    struct head tree; /* the verified one, without raw */
    uint64_t ordinal; /* of the request for a proof */
    unsigned starts;  /* how often its last entries were asked for, */
    unsigned rounds;  /* and came, and were other ones */
    bool differs;     /* in this round */
    struct leafkeep leaves;
    struct refute *refute; /* what shows that one of them is wrong; NULL: nothing yet */
    char *answers;         /* of the log, JSON text; NULL: none, or too much */
    const char *how;       /* it contradicts, while the log is asked for more */
    int64_t until_ms;
    struct follow_condemned silence; /* the head that was told last to be unproven for long */
    uint64_t told_at;                /* verified size for which evidence was written last, */
    uint8_t told[32];                /* and the root of the head that it accuses */
    struct follow_condemned seen[FOLLOW_CONDEMNED_MAX];
    size_t seen_count;
};

/* Owned by the fetch thread. */
struct follow_fetch {
    struct host *host;
    int64_t head_due_ms;
    bool head_busy;
    struct rate_backoff head_backoff;
    int64_t hold_until_ms; /* no entries before */
    struct rate_backoff backoff;
    unsigned fails;     /* in a row, without a good batch */
    unsigned parked;    /* batches that wait for issuer certificates */
    int64_t parked_ms;  /* since when there are any */
    bool issuer_failed; /* the last one did not come */
    bool silent;        /* the last request was not answered in time */
    struct window window;
    int64_t patience_ms; /* how long a request may be silent while others want its batch; 0: not set */
    int64_t refused_ms;  /* since when it waits for a batch; 0: it does not */
    uint64_t refused_round;
    bool forgotten; /* removed, and nothing of it is left with the fetch loop */
    unsigned head_fails;
    unsigned forged; /* heads with a wrong signature in a row */
    uint64_t good_seen;
    int64_t busy_ms;          /* since when its host asks to wait and nothing good came; 0: it does not */
    int64_t partial_since_ms; /* 0: no partial tile waits */
    struct turn turn;         /* a backlog's */
    uint64_t turn_round;      /* of the last one in which it had nothing to ask for */
    struct arena head_arena;
    struct arena aux_arena; /* proofs and hash tiles */
    struct arena tile_arena;
    struct host_permit tile_permit;
    bool aux_busy;
    int64_t aux_due_ms;
    unsigned aux_tries;
    bool aux_begun; /* `frontier` is under way */
    uint64_t aux_ordinal;
    struct frontier frontier;
    struct hybrid hybrid;
    char aux_url[PROTO_URL_MAX];
    bool aux_claim;         /* and it is a claim */
    struct buf aux_answers; /* JSON of what came for a claim, without its last bracket */
    struct head head;       /* the largest with a good signature, without raw */
};

/* Owned by the settler. */
struct follow_settle {
    bool held; /* the range below is taken */
    struct store_range range;
    int64_t take_due_ms;
    bool frontier_known; /* range.frontier is that of range.next */
    bool base_known;     /* range.verified_frontier is that of range.verified */
    bool base_asked;
    bool base_refused; /* at least once since the range was taken */
    bool base_again;   /* doubted by a mismatch, and asked for a second time */
    int64_t base_due_ms;
    bool reading;               /* the read lane was started */
    struct follow_head *bridge; /* proven for the end of the range (bridge.h); NULL: not known */
    struct head bridge_tree;    /* signed; the log was asked to prove that it begins with that, */
    uint64_t bridge_ordinal;    /* in this request */
    int64_t bridge_due_ms;
    int64_t divide_due_ms;
    int64_t taken_id;          /* of the range that is or was held last */
    uint64_t taken_begin;      /* and its begin */
    bool stuck;                /* once: some range can not be joined with the next one */
    struct follow_head *heads; /* signed, above range.verified, ascending */
    size_t head_count;
    bool heads_more; /* the store may have more than are listed */
    struct follow_suspect suspect;
    struct follow_condemned condemned[FOLLOW_CONDEMNED_MAX];
    size_t condemned_count;
    struct follow_condemned forked[FOLLOW_CONDEMNED_MAX]; /* heads whose forks were told */
    size_t forked_count;
    uint64_t bad_tile[FOLLOW_CONDEMNED_MAX]; /* first entries of data tiles that were told, */
    size_t bad_tiles;
    uint64_t bad_tiles_at; /* at this verified size */
    int64_t forged_ms;     /* when a wrong signature was told last; 0: never */
    uint64_t forged_at;    /* verified size then */
    enum follow_again again;
    struct compact again_compact;
    uint64_t again_end;
    struct compact again_known; /* the stored frontier at the first again_end; size 0: not known */
    bool again_holds;           /* nothing is stored meanwhile, so that the probe can catch up */
    int64_t again_until_ms;     /* deadline of holding and mending */
    bool again_has;             /* a head was equalled */
    bool again_fits;            /* the suspect head was */
    struct compact again_verified;
    struct follow_head *again_head;    /* own copy */
    struct follow_head *again_heads;   /* to be equalled on the way */
    struct follow_head *again_at;      /* how far that list was compared */
    bool again_more;                   /* the store may have more of them */
    struct follow_head *again_unequal; /* the first that was not, own copy */
    uint8_t again_root[32];            /* what was computed for it */
    int64_t again_due_ms;
    int64_t again_moved_ms;
    struct rate_backoff again_backoff;
    bool again_wanted;
    struct follow_stretch *differ; /* what the probe read otherwise than it is stored */
    size_t differ_count;
    size_t differ_cap;
    struct store *mend_store; /* its repair is open */
    size_t mend_at;           /* stretch that is read now */
    uint64_t mend_next;       /* first entry of it that did not come yet */
    uint8_t mend_chain[32];
    unsigned mend_fails; /* in a row */
    uint64_t mend_changed;
    struct leafkeep again_leaves; /* of the second reading */
    bool accused;                 /* evidence was written since something last fitted */
    unsigned tell_fails;          /* in a row: the store refused the account */
    struct follow_claim claim;
    int64_t goal_ms; /* once: when everything was read; 0: not yet */
    uint64_t target; /* once: read up to here; UINT64_MAX: not known yet */
    uint64_t narrow; /* after a refusal of the store: how many entries are read at once; 0: all */
    uint64_t narrow_end;
    unsigned refused;           /* how often it refused in a row */
    char refusal[ERR_TEXT_MAX]; /* its last word; "": none */
    char noted[ERR_TEXT_MAX];
    int64_t noted_ms;
    int64_t wants_due_ms; /* the store is asked for issuer certificates that are looked for */
};

struct follow {
    uint32_t magic;
    struct ctlog log;
    const struct proto *proto;
    const struct proto *tile; /* hybrid: of its full tiles; NULL: entries come in one way */
    unsigned settler;
    struct follow *front; /* of a backlog (backlog.h): the follow at the log's head; NULL: this is one. Set
                             before anybody sees it */
    struct follow *back;  /* of a front: its backlog; NULL: none yet. The settler's */
    atomic_uint yield;    /* of what it read last (turn.h) */
    atomic_bool removed;
    atomic_bool kicked; /* is in its settler's queue */
    atomic_bool done;   /* nothing more to do: once, or removed and let go */
    atomic_bool unread;
    atomic_bool unverified;
    atomic_uint_fast64_t good;       /* batches delivered */
    atomic_uint_fast64_t good_tiles; /* hybrid: those that came as a tile */
    struct lock lock;
    /* Under lock. */
    struct lane read;
    struct lane again;
    struct plan plan;
    struct tilecheck tiles;
    uint32_t page_kept; /* of it, as it is stored */
    uint32_t align_kept;
    bool head_known;
    uint64_t head_size;            /* largest verified signature */
    uint64_t head_target;          /* once: the first one */
    struct follow_head *heads_new; /* for the settler, newest first */
    size_t heads_new_count;
    struct follow_head
        *forged; /* for the settler: the last one of several with a wrong signature; unverified */
    struct follow_frontier frontier;
    char *frontier_answers; /* of its last answer, a claim's: JSON text; NULL: none, or too much */
    uint64_t stuck_index;   /* entry that came unreadable last, its bytes, and how often in a row */
    uint64_t stuck_hash;
    unsigned stuck_count;
    char error_head[ERR_TEXT_MAX]; /* "" for none */
    char error_read[ERR_TEXT_MAX];
    bool bad_head; /* the last head had a wrong signature */
    int64_t contact_wall_ms;
    /* Of one thread each. */
    struct follow_fetch fetch;
    struct follow_settle settle;
};

/* NULL: out of memory. */
MUST_USE struct follow *follow_new(const struct ctlog *log, const struct proto *proto, unsigned page_entries);
void follow_free(struct follow *follow);

/* A copy with its raw bytes; NULL: out of memory. */
MUST_USE struct follow_head *follow_head_new(const struct head *head);
void follow_head_free(struct follow_head *head); /* one */
void follow_heads_free(struct follow_head **list);

#endif
