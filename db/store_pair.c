#include "db/store_pair.h"

#include "db/db_pair.h"

enum err_code store_pair_write(struct pgstore *pg, struct batch *const *batches, size_t count,
                               struct err *why)
{
    struct db_pair_notes *notes = NULL;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        if (batches[i]->alert_count != 0 && notes == NULL)
            notes = db_pair_notes_new();
        if (batches[i]->alert_count != 0 && notes == NULL)
            return err_set(why, ERR_MEMORY, "database: no memory for a note");
        for (size_t k = 0; k < batches[i]->alert_count; k++)
            db_pair_note(notes, &batches[i]->alerts[k]);
    }
    if (notes != NULL)
        code = pg->repair.open ? db_pair_notes_stage(notes, pg->conn, why)
                               : db_pair_notes_write(notes, pg->conn, why);
    db_pair_notes_free(notes);
    return code;
}
