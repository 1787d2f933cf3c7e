#include "cli/ending.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool ending_is(const struct db_log_status *log, const char *state)
{
    return strcmp(log->list_state, state) == 0;
}

/* All that its last known head promised was read. */
static bool ending_read(const struct db_log_status *log)
{
    return log->position >= log->head_size;
}

/* And is there: what was not stored for want of room is read again, as long as the log is followed. */
static bool ending_verified(const struct db_log_status *log)
{
    return log->not_stored == 0 && (log->entries == 0 || log->verified_size >= log->position);
}

enum ending ending_of(const struct db_log_status *log, int64_t now_ms)
{
    bool readonly = ending_is(log, "readonly");
    bool retired = ending_is(log, "retired") || ending_is(log, "rejected");

    if (!log->listed || !log->followed || (!readonly && !retired && log->left_ms == 0))
        return ENDING_NOT;
    bool begun = log->range_count > 0;
    if (begun && readonly && log->has_final && log->head_size > 0 && ending_read(log) &&
        log->position >= log->final_size && ending_verified(log))
        return log->entries == 0 ? ENDING_DONE : ENDING_PROVE;
    /* It left the list and was heard of since: what its head says now is the last that counts. */
    if (begun && log->left_ms != 0 && log->last_contact_ms > log->left_ms && log->head_time_ms != 0 &&
        ending_read(log) && ending_verified(log))
        return ENDING_DONE;
    int64_t sign_ms =
        later(later(log->last_contact_ms, log->left_ms), later(log->list_state_ms, log->added_ms));
    if (now_ms - sign_ms < ENDING_SILENT_MS)
        return ENDING_NOT;
    return ending_read(log) ? ENDING_DONE : ENDING_LOST;
}
