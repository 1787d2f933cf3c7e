#include "db/pgstop.h"

#include <errno.h>

#include "db/pgexec.h"

static _Atomic(PGcancel *) pgstop_cancel;

void pgstop_arm(struct pgconn *conn, const atomic_bool *stop)
{
    pgstop_disarm(conn);
    conn->stop = stop;
    atomic_store(&pgstop_cancel, PQgetCancel(conn->pg));
}

void pgstop_disarm(struct pgconn *conn)
{
    conn->stop = NULL;
    PQfreeCancel(atomic_exchange(&pgstop_cancel, NULL));
}

void pgstop_now(void)
{
    char ignored[256];
    int kept = errno;
    PGcancel *cancel = atomic_load(&pgstop_cancel);
    if (cancel != NULL && PQcancel(cancel, ignored, sizeof ignored) == 0)
        ignored[0] = '\0'; /* the statement ends by its own time */
    errno = kept;
}
