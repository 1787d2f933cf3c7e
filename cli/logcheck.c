#include "cli/logcheck.h"

#include "base/limits.h"
#include "base/text.h"
#include "cli/logtable.h"
#include "cli/staleness.h"

#define LOGCHECK_LINE_MAX 1200

/* The largest head is gone: the log shows smaller ones for longer than it may take to publish. */
static bool logcheck_gone(const struct db_log_status *row, int64_t now_ms)
{
    return row->served_size < row->head_size && now_ms - row->head_seen_ms > staleness_limit_ms(row->mmd_s);
}

/* Is something of the part that is read not verified, though a head over it is known for a while? */
static bool logcheck_unverified(const struct db_log_status *row)
{
    uint64_t due = row->due_size < row->position ? row->due_size : row->position;

    return row->entries > 0 && row->verified_size < due;
}

/* One that grows no more may be gone: what counts is that all of it was read. */
static bool logcheck_frozen(const struct db_log_status *row)
{
    return row->left_ms != 0 || strcmp(row->list_state, "readonly") == 0 ||
           strcmp(row->list_state, "retired") == 0;
}

unsigned logcheck_of(const struct db_log_status *row, int64_t now_ms)
{
    unsigned reasons = (strcmp(row->state, "active") != 0 ? LOGCHECK_INCONSISTENT : 0) |
                       (strcmp(row->ended, "lost") == 0 ? LOGCHECK_LOST : 0) |
                       (row->final_error[0] != '\0' ? LOGCHECK_FINAL : 0) |
                       (row->not_stored != 0 ? LOGCHECK_NOT_STORED : 0);

    if (!row->followed)
        return reasons;
    reasons |= (row->overdue != 0 ? LOGCHECK_BEHIND : 0) |
               (logcheck_unverified(row) ? LOGCHECK_UNVERIFIED : 0) |
               (row->unproven != 0 ? LOGCHECK_UNPROVEN : 0) |
               (logtable_in_future(row, now_ms) ? LOGCHECK_FUTURE : 0) |
               (logcheck_gone(row, now_ms) ? LOGCHECK_GONE : 0);
    bool unread = row->head_time_ms == 0 && row->ended[0] == '\0';
    if (logcheck_frozen(row) && !unread)
        return reasons;
    bool old = row->head_time_ms != 0 && now_ms - row->head_time_ms > staleness_limit_ms(row->mmd_s);
    /* Its error says more than that there was no head. */
    bool never = row->head_time_ms == 0 && row->last_error[0] == '\0';
    return reasons | (never ? LOGCHECK_NEVER : 0) | (old ? LOGCHECK_OLD : 0) |
           (row->last_error[0] != '\0' ? LOGCHECK_ERROR : 0);
}

static void logcheck_line(const struct db_log_status *row, enum logcheck reason, char *out, size_t out_cap)
{
    char when[TEXT_TIME_MAX];

    switch (reason) {
    case LOGCHECK_INCONSISTENT:
        (void)snprintf(out, out_cap, "it contradicted itself: %s; 'ctvigil log evidence' has the account",
                       row->reason);
        break;
    case LOGCHECK_LOST:
        (void)snprintf(out, out_cap,
                       "it is gone, and its last entries were never seen; see the alert log_stale");
        break;
    case LOGCHECK_FINAL:
        (void)snprintf(out, out_cap, "its final tree is not proven: %s; it is asked again by itself",
                       row->final_error);
        break;
    case LOGCHECK_BEHIND:
        (void)snprintf(out, out_cap,
                       "%" PRIu64
                       " entries that it promised more than %d minutes ago are not read; is 'ctvigil"
                       " run' running? 'ctvigil log status' has its pace, and who holds it back",
                       row->overdue, LIMIT_HEAD_DUE_S / 60);
        break;
    case LOGCHECK_UNVERIFIED:
        (void)snprintf(out, out_cap,
                       "verified to %" PRIu64 ", though a head of %" PRIu64
                       " is known for more than %d minutes; if it stays so, its last error and the log of the"
                       " program say why",
                       row->verified_size, row->due_size, LIMIT_HEAD_DUE_S / 60);
        break;
    case LOGCHECK_UNPROVEN:
        (void)snprintf(out, out_cap,
                       "%" PRIu64
                       " smaller signed heads are not proven to be of its tree; after a day that is"
                       " an alert by itself",
                       row->unproven);
        break;
    case LOGCHECK_FUTURE:
        (void)snprintf(out, out_cap, "its head is signed for a time to come; compare this machine's clock");
        break;
    case LOGCHECK_GONE:
        (void)snprintf(out, out_cap,
                       "it shows %" PRIu64 " entries, and showed %" PRIu64
                       " before; tell its operator when that stays",
                       row->served_size, row->head_size);
        break;
    case LOGCHECK_NEVER:
        (void)snprintf(out, out_cap, "it never showed a head; is 'ctvigil run' running, and the log there?");
        break;
    case LOGCHECK_OLD:
        (void)snprintf(out, out_cap,
                       "its newest head is of %s, older than its merge delay; is 'ctvigil run' running, and"
                       " this machine's clock right?",
                       text_time(row->head_time_ms, false, when));
        break;
    case LOGCHECK_ERROR:
        (void)snprintf(
            out, out_cap,
            "the last try failed: %s; it is tried again by itself: when that stays, see that its URL is right"
            " and reached from this machine",
            row->last_error);
        break;
    case LOGCHECK_NOT_STORED:
    default:
        (void)snprintf(out, out_cap,
                       "%" PRIu64 " entries were matched and are not stored, because the disk was nearly full"
                       " (db.disk_guard_percent) or what a backfill put down was damaged; they are read"
                       " again, when there is room",
                       row->not_stored);
        break;
    }
}

void logcheck_tell(FILE *out, const struct db_log_status *row, unsigned reasons)
{
    for (unsigned bit = 0; bit < 12; bit++) {
        char line[LOGCHECK_LINE_MAX];
        char seen[2 * LOGCHECK_LINE_MAX];
        char name[4 * CTLOG_NAME_MAX];
        if ((reasons & 1u << bit) == 0)
            continue;
        logcheck_line(row, (enum logcheck)(1u << bit), line, sizeof line);
        fprintf(out, "ctvigil: log %s: %s\n", text_visible_str(span_str(row->name), name, sizeof name),
                text_visible_str(span_str(line), seen, sizeof seen));
    }
}
