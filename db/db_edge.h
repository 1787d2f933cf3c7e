/* Edges between stored CA certificates (table ca_edge): which pairs are worth a check, and what came of it.
 * An edge says that a signature was checked, nothing else. Whoever checks is somebody else; here is what the
 * database knows. Two who do the same at once only waste time. */
#ifndef CTVIGIL_DB_EDGE_H
#define CTVIGIL_DB_EDGE_H

#include "base/arena.h"
#include "base/err.h"
#include "db/pgconn.h"

struct db_edge_cert {
    uint8_t sha256[32];
    uint8_t spki_sha256[32];
    struct span der; /* in the caller's arena, or until the callback returns */
};

/* What is searched by; read from the certificate. Absent spans: it says nothing of the kind. */
struct db_edge_facts {
    struct span issuer; /* Name, DER */
    struct span subject;
    struct span aki;
    struct span ski;
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    bool is_ca;
    bool self_signed;
};

/* One process at a time; the lock is the connection's. */
MUST_USE enum err_code db_edge_lock(struct pgconn *conn, bool *taken, struct err *why);
enum err_code db_edge_unlock(struct pgconn *conn, struct err *why);
/* The oldest certificate that was not compared with the others yet. *found false: there is none. */
MUST_USE enum err_code db_edge_next(struct pgconn *conn, struct arena *arena, struct db_edge_cert *cert,
                                    bool *found, struct err *why);
/* Its facts must be stored before candidates are looked for: of two that come at once the later one finds the
 * other. */
MUST_USE enum err_code db_edge_facts(struct pgconn *conn, const uint8_t sha256[32],
                                     const struct db_edge_facts *facts, struct err *why);

enum db_edge_side { DB_EDGE_PARENTS, DB_EDGE_CHILDREN };

/* Every certificate that by name or key identifier could be a parent (child) of this one and is not known to
 * be, those with the same key one after the other. */
MUST_USE enum err_code db_edge_candidates(struct pgconn *conn, const uint8_t sha256[32],
                                          const struct db_edge_facts *facts, enum db_edge_side side,
                                          enum err_code (*each)(void *arg, const struct db_edge_cert *cert,
                                                                struct err *why),
                                          void *arg, struct err *why);
/* Checked. Once is enough, twice is no error. */
MUST_USE enum err_code db_edge_add(struct pgconn *conn, const uint8_t child[32], const uint8_t parent[32],
                                   struct err *why);
/* It was compared with all that are stored. */
MUST_USE enum err_code db_edge_done(struct pgconn *conn, const uint8_t sha256[32], struct err *why);

#endif
