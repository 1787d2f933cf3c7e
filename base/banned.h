/* Functions that have no safe use here: a call is a compile error that names the function. Included by
 * base/base.h, so every file has it; the system headers that declare them come first, because the macros
 * would garble the declarations. Use instead: struct span and struct buf for text, text_uint and text_int for
 * numbers, text_time and text_date for times. */
#ifndef CTVIGIL_BANNED_H
#define CTVIGIL_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>

#define BANNED(function) sorry_##function##_is_a_banned_function

/* No bound on what is written. */
#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef stpcpy
#define stpcpy(...) BANNED(stpcpy)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef gets
#define gets(...) BANNED(gets)
/* A bound that leaves out the final NUL, or counts something else than one thinks. */
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
/* Writes into its input and keeps hidden state. */
#undef strtok
#define strtok(...) BANNED(strtok)
/* Overflow is undefined and garbage reads as 0. */
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atoll
#define atoll(...) BANNED(atoll)
#undef atof
#define atof(...) BANNED(atof)
#undef scanf
#define scanf(...) BANNED(scanf)
#undef fscanf
#define fscanf(...) BANNED(fscanf)
#undef sscanf
#define sscanf(...) BANNED(sscanf)
#undef vscanf
#define vscanf(...) BANNED(vscanf)
#undef vsscanf
#define vsscanf(...) BANNED(vsscanf)
/* One static result for all threads, or the time zone of the machine. */
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef localtime_r
#define localtime_r(...) BANNED(localtime_r)
#undef asctime
#define asctime(...) BANNED(asctime)
#undef ctime
#define ctime(...) BANNED(ctime)
#undef mktime
#define mktime(...) BANNED(mktime)

#endif
