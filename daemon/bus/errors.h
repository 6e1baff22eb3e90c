/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the errors, as listed in the XML and org.reespec1(5). */
#ifndef DAEMON_BUS_ERRORS_H
#define DAEMON_BUS_ERRORS_H

#define BUS_ERROR(name) "org.reespec1.Error." name

#define ERROR_BAD_METHOD BUS_ERROR("BadMethod")
#define ERROR_BAD_OPTION BUS_ERROR("BadOption")
#define ERROR_BAD_READER BUS_ERROR("BadReader")
#define ERROR_BAD_SAMPLE BUS_ERROR("BadSample")
#define ERROR_BUSY BUS_ERROR("Busy")
#define ERROR_CONFLICT BUS_ERROR("Conflict")
#define ERROR_FAULT BUS_ERROR("Fault")
#define ERROR_FULL BUS_ERROR("Full")
#define ERROR_LEDGER BUS_ERROR("Ledger")
#define ERROR_LIMIT BUS_ERROR("Limit")
#define ERROR_NO_DEVICE BUS_ERROR("NoDevice")
#define ERROR_NO_READER BUS_ERROR("NoReader")
#define ERROR_NO_RECORD BUS_ERROR("NoRecord")
#define ERROR_NO_SPECTRUM BUS_ERROR("NoSpectrum")
#define ERROR_NOT_FITTED BUS_ERROR("NotFitted")
#define ERROR_NOT_RUNNING BUS_ERROR("NotRunning")
#define ERROR_NOT_SETTLED BUS_ERROR("NotSettled")
#define ERROR_QUALITY_CONTROL BUS_ERROR("QualityControl")
#define ERROR_UNKNOWN_METHOD BUS_ERROR("UnknownMethod")
#define ERROR_WRONG_KIND BUS_ERROR("WrongKind")

#endif
