#include "ingest/headform.h"

#include "ingest/rfc6962.h"
#include "verify/checkpoint.h"

enum err_code headform_read(const struct ctlog *log, struct span body, struct headform *form, struct err *why)
{
    *form = (struct headform){.is_note = body.len == 0 || body.at[0] != '{'};
    if (form->is_note)
        return checkpoint_read(log, body, &form->unverified, why);
    enum err_code code = rfc6962_sth_read(body, &form->unverified, form->signature, sizeof form->signature,
                                          &form->signature_len, why);
    form->unverified.raw = body;
    return code;
}
