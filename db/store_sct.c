#include "db/store_sct.h"

#include "db/db_sct.h"

static bool has_promises(const struct alert *alert, const struct entry *entry)
{
    return alert->domain_id != ALERT_DOMAINS_NONE && alert->lookalike.at == NULL &&
           entry->kind == ENTRY_X509 && entry->cert.sct_list.at != NULL;
}

enum err_code store_sct_write(struct pgstore *pg, struct batch *const *batches, size_t count, struct err *why)
{
    struct db_sct_notes *notes = NULL;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < batches[i]->alert_count; k++) {
            const struct alert *alert = &batches[i]->alerts[k];
            const struct entry *entry = &batches[i]->entries[alert->entry_at];
            if (!has_promises(alert, entry))
                continue;
            if (notes == NULL && (notes = db_sct_notes_new()) == NULL)
                return err_set(why, ERR_MEMORY, "database: no memory for a note");
            db_sct_note(notes, &entry->issuance, entry->cert_der, entry->sighting.sha256);
        }
    }
    if (notes != NULL)
        code = db_sct_notes_write(notes, pg->conn, why);
    db_sct_notes_free(notes);
    return code;
}
