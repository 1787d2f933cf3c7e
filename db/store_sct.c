#include "db/store_sct.h"

#include "base/clock.h"
#include "db/db_sct.h"

static bool has_promises(const struct alert *alert, const struct entry *entry, int64_t now_s)
{
    return alert->domain_id != ALERT_DOMAINS_NONE && alert->lookalike.at == NULL &&
           entry->kind == ENTRY_X509 && entry->cert.sct_list.at != NULL && entry->issuance.not_after > now_s;
}

enum err_code store_sct_write(struct pgstore *pg, struct batch *const *batches, size_t count, struct err *why)
{
    struct db_sct_notes *notes = NULL;
    enum err_code code = ERR_OK;
    int64_t now_s = clock_wall_ms() / 1000;
    for (size_t i = 0; i < count; i++) {
        /* Alerts of one entry stand together. Once for each, however many domains it concerns: else one
         * certificate could be more than a commit holds, and its log would stop there. */
        const struct entry *last = NULL;
        for (size_t k = 0; k < batches[i]->alert_count; k++) {
            const struct alert *alert = &batches[i]->alerts[k];
            const struct entry *entry = &batches[i]->entries[alert->entry_at];
            if (entry == last || !has_promises(alert, entry, now_s))
                continue;
            last = entry;
            if (notes == NULL && (notes = db_sct_notes_new()) == NULL)
                return err_set(why, ERR_MEMORY, "database: no memory for a note");
            db_sct_note(notes, &entry->issuance, entry->cert_der, entry->sighting.sha256);
        }
    }
    if (notes != NULL)
        code = pg->repair.open ? db_sct_notes_stage(notes, pg->conn, why)
                               : db_sct_notes_write(notes, pg->conn, why);
    db_sct_notes_free(notes);
    return code;
}
