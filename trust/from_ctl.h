/* Microsoft's certificate trust lists: authroot.stl (roots, with purposes, the moment from which they are
 * disabled and the last notBefore) and disallowedcert.stl. Roots are named by SHA-256 where the list has it.
 * The signature over the list is not checked: who imports a file answers for where it came from. */
#ifndef CTVIGIL_FROM_CTL_H
#define CTVIGIL_FROM_CTL_H

#include "trust/catake.h"

/* False: not such a list. */
bool from_ctl_read(struct span der, struct catake *take, struct catake_file *file);

#endif
