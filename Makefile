# SPDX-License-Identifier: GPL-2.0-or-later
# reespec: build, test and run. `make help` lists the targets; all outputs go
# to $(O). Sources are found by folder, so a new file needs no line here.

O ?= .build
KERNEL ?= 6.1
REESPEC_DATA ?= ../shared/data
export O REESPEC_DATA

CC = gcc
PKGS := libevent libevent_pthreads libudev libsystemd libxrl sqlite3 libsodium \
	libgcrypt libzstd jansson inih cairo ncursesw libqrencode libmodbus \
	libnats libpq
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 \
	-Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -pthread \
	-Idaemon -Idriver -Itools -MMD -MP $(PKG_CFLAGS)
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
LIBS = -Wl,--as-needed $(PKG_LIBS) -lm -pthread

# `make V=1` shows whole commands.
say = $(if $(V),,@echo '  $(1)	$(@:$(O)/%=%)';)

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
san = $(patsubst $(O)/obj/%,$(O)/san/%,$(1))
LIB_OBJ := $(call obj,$(wildcard $(addsuffix /*.c,$(addprefix daemon/,base proto device assay ledger bus))))
TOOL_OBJ := $(call obj,$(wildcard tools/reespec/*.c tools/dp5emu/*.c tools/bridges/*.c))
# Programs of tools/bridges: the sources of each bear its name.
BRIDGES := drop modbus nats pgsink
PROGRAMS := $(addprefix $(O)/,$(if $(wildcard daemon/main.c),reespecd) \
	$(if $(wildcard tools/reespec/*.c),reespec) \
	$(if $(wildcard tools/dp5emu/*.c),dp5emu) $(BRIDGES:%=reespec-%))
# For reading and for tests; not installed.
SAMPLES := $(addprefix $(O)/,$(if $(wildcard tools/lims/*.c),lims))
LIMS := tools/lims/lims.c tools/bridges/follow.c tools/reespec/bus_call.c
MAN := $(patsubst %.scd,$(O)/man/%,$(notdir $(wildcard */man/*.scd tools/bridges/man/*.scd)))

.PHONY: all
all: $(PROGRAMS) $(SAMPLES) $(MAN) ## programs and man pages

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# It takes in the table of line data that is installed.
$(foreach d,obj san fuzz/obj,$(O)/$(d)/daemon/assay/line_data_built_in.o): \
		daemon/methods/line-data.csv

# Loops over numbers: the order of sums stays, so do the bytes.
$(O)/obj/daemon/assay/%.o: CFLAGS += -O3 -fno-trapping-math -fno-math-errno -ffp-contract=off

$(O)/libreespec.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR)ar rcs $@ $^

$(O)/reespecd: $(call obj,daemon/main.c) $(O)/libreespec.a
$(O)/reespec: $(call obj,$(wildcard tools/reespec/*.c)) $(O)/libreespec.a
$(O)/dp5emu: $(call obj,$(wildcard tools/dp5emu/*.c)) $(O)/libreespec.a
$(O)/lims: $(call obj,$(LIMS)) $(O)/libreespec.a
$(foreach b,$(BRIDGES),$(eval $(O)/reespec-$(b): $(call obj,$(wildcard tools/bridges/$(b)*.c))))
# What the command line knows of the bus they take out of the archive.
$(BRIDGES:%=$(O)/reespec-%): $(O)/reespec-%: $(O)/libtools.a $(O)/libreespec.a
$(addprefix $(O)/,reespecd reespec dp5emu lims $(BRIDGES:%=reespec-%)):
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

vpath %.scd driver/man daemon/man tools/man tools/bridges/man
$(O)/man/%: %.scd tools/man/tidy.awk
	@mkdir -p $(@D)
	$(call say,MAN)scdoc <$< >$@.scdoc && LC_ALL=C awk -f tools/man/tidy.awk $@.scdoc >$@.tmp
	@rm $@.scdoc && mv $@.tmp $@

## Packages and kernels; nothing outside $(O) changes but by `deps`.

.PHONY: deps
deps: ## install the Debian packages of .ci/packages that are missing
	@.ci/deps

.PRECIOUS: $(O)/kernel/%/release
$(O)/kernel/%/release:
	.ci/kernel $* $(@D)

# The one that looks for faults is built from source and kept outside $(O).
$(O)/kernel/debug/release: tests/debug/kernel $(wildcard tests/debug/*.config tests/debug/*.patch)
	tests/debug/kernel $(@D)

$(O)/kselftest/ready:
	.ci/kselftest $(@D)

# What the host tests use of others beside packages.
$(O)/pymca/ready:
	.ci/pymca $(@D)

MODULE = $(O)/module/$(KERNEL)/dp5.ko
.PHONY: module
module: $(MODULE) ## dp5.ko for KERNEL (6.1 or 6.12); any message fails
.PRECIOUS: $(O)/module/%/dp5.ko
$(O)/module/%/dp5.ko: $(O)/kernel/%/release Kbuild $(shell find driver -name '*.[ch]')
	.ci/module $(O)/kernel/$* $(@D)

.PHONY: dkms
dkms: ## the module's sources for dkms, a folder and a tar.gz
	@.ci/dkms $(O)/dkms

## Tests: one program a file, each linked with all our objects.

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
TEST_CFLAGS = $(filter-out -Wmissing-prototypes -Wshadow -Wundef,$(ALL_CFLAGS)) \
	-Itests -isystem $(O)/kselftest
TESTS = $(patsubst tests/%.c,$(O)/test/%,$(wildcard tests/$(1)/test-*.c))
# What lies beside the test programs helps all of its folder.
HELPERS = $(patsubst %.c,$(O)/obj/%.o,$(filter-out $(wildcard tests/$(1)/test-*.c),$(wildcard tests/$(1)/*.c)))
SCRIPTS = $(foreach f,$(wildcard tests/$(1)/test-*),$(if $(suffix $(f)),,$(f)))

.SECONDARY:
.SECONDEXPANSION:
$(O)/san/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) $(SANITIZE) -c -o $@ $<
$(O)/san/tests/%.o: tests/%.c $(O)/kselftest/ready
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(TEST_CFLAGS) $(SANITIZE) -c -o $@ $<
$(O)/obj/tests/%.o: tests/%.c $(O)/kselftest/ready
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(TEST_CFLAGS) -c -o $@ $<
$(O)/libtools.a: $(TOOL_OBJ)
$(O)/san/libtools.a: $(call san,$(TOOL_OBJ))
$(O)/san/libreespec.a: $(call san,$(LIB_OBJ))
$(O)/libtools.a $(O)/san/libtools.a $(O)/san/libreespec.a:
	@rm -f $@
	$(call say,AR)ar rcs $@ $^

$(O)/test/unit/%: $(O)/san/tests/unit/%.o $$(call san,$$(call HELPERS,unit)) \
		$(O)/san/libtools.a $(O)/san/libreespec.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS)
$(O)/test/%: $(O)/obj/tests/%.o $$(call HELPERS,$$(patsubst %/,%,$$(dir $$*))) \
		$(O)/libtools.a $(O)/libreespec.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

# Loaded before a daemon's own libraries, to make them fail.
PRELOAD := $(patsubst tests/%.c,test/%.so,$(wildcard tests/preload/*.c))
$(O)/test/preload/%.so $(O)/san/test/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(ALL_CFLAGS) -shared -fPIC -o $@ $<
$(call TESTS,bus): $(addprefix $(O)/,$(PRELOAD))

# The other way round: bus tests and their programs under the sanitizers, and
# unit tests without, for valgrind.
SAN_PROGRAMS := $(addprefix $(O)/san/,reespecd dp5emu lims $(BRIDGES:%=reespec-%))
$(O)/san/reespecd: $(O)/san/daemon/main.o $(O)/san/libreespec.a
$(O)/san/dp5emu: $(call san,$(call obj,$(wildcard tools/dp5emu/*.c))) $(O)/san/libreespec.a
$(O)/san/lims: $(call san,$(call obj,$(LIMS))) $(O)/san/libreespec.a
$(foreach b,$(BRIDGES),$(eval $(O)/san/reespec-$(b): $(call san,$(call obj,$(wildcard tools/bridges/$(b)*.c)))))
$(BRIDGES:%=$(O)/san/reespec-%): $(O)/san/libtools.a $(O)/san/libreespec.a
$(SAN_PROGRAMS):
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS)
$(O)/san/test/bus/%: $(O)/san/tests/bus/%.o $$(call san,$$(call HELPERS,bus)) \
		$(O)/san/libtools.a $(O)/san/libreespec.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS)
$(O)/plain/unit/%: $(O)/obj/tests/unit/%.o $$(call HELPERS,unit) \
		$(O)/libtools.a $(O)/libreespec.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

HOST_TESTS := $(sort $(call TESTS,unit) $(call TESTS,assay) $(call TESTS,bus) $(call TESTS,cli))
# These again as 32-bit programs, which the driver has to serve as well: they
# make each ioctl and read records, and of nothing else it sees the caller's size.
I386_TESTS := $(patsubst %,$(O)/test/kernel/test-i386-%,abi poll read transact)
$(O)/test/kernel/test-i386-%: tests/kernel/test-%.c $(wildcard tests/kernel/*.h) driver/uapi/dp5.h $(O)/kselftest/ready
	@mkdir -p $(@D)
	$(call say,CC)$(CC) -m32 -static $(filter-out -MMD -MP,$(TEST_CFLAGS)) -o $@ $<
GUEST_TESTS := $(call TESTS,kernel) $(I386_TESTS)
HOST_RUN := $(call TESTS,unit) $(call SCRIPTS,unit) -t 600 $(call TESTS,assay) \
	-t 300 $(foreach f,bus cli,$(call TESTS,$(f)) $(call SCRIPTS,$(f)))

.PHONY: test
test: $(if $(T),,all $(HOST_TESTS) $(O)/pymca/ready) $(filter $(O)/%,$(T)) ## host tests, ten minutes; T= names some only
	@tests/run $(or $(T),-j 2 $(HOST_RUN))

## Guests: a Debian root, and over it an image of this build for one kernel.

GUEST = $(O)/vm/$(KERNEL)

.PHONY: guest root
root:
	@tests/vm/root $(O)/vm/root.squashfs
# Made anew each time, in two seconds: so it can never be older than a part.
guest: root all $(MODULE) $(GUEST_TESTS) $(O)/bench/quick $(O)/bench/usb
	@rm -rf $(GUEST)/tree
	@$(MAKE) -s install DESTDIR=$(GUEST)/tree
	@install -D -t $(GUEST)/tree/usr/lib/reespec/tests/kernel \
		tests/run $(GUEST_TESTS) $(call SCRIPTS,kernel)
	@install -D -t $(GUEST)/tree/usr/lib/reespec/tests/bench \
		tests/bench/guest $(O)/bench/quick $(O)/bench/usb
	@tests/vm/stage $(O)/kernel/$(KERNEL) $(GUEST)

.PHONY: demo
demo: deps ## the main job in a guest, for a person to watch
	@$(MAKE) guest
	@tests/vm/run -k $(KERNEL) -o $(O)/demo script:vm/demo
	@echo "report, picture and export: $(O)/demo"

.PHONY: vm-shell
vm-shell: guest ## a guest of KERNEL on this terminal, emulator plugged in
	@tests/vm/run -k $(KERNEL) shell

## The whole: what CI runs, three programs at a time, which wait more than they
## work, then the two guests: beside other work they take longer than is gained.
## Poison, red zones and owners in 6.1, KFENCE and dbus-broker in 6.12. What has little
## to do with the kernel is in one guest: the bridges, the demo, what systemd keeps, and
## bytes, which our own code takes apart.

POISON := -a slub_debug=FZPU
VM_RUN := -t 600 tests/vm/test-harness tests/vm/test-power -j 2 \
	-t 2100 'tests/vm/run -k 6.1 -t 2040 $(POISON) \
		-a reespec.without=bridges,demo,frames,descriptors tests' \
	'tests/vm/run -k 6.12 -t 2040 -a kfence.sample_interval=10 \
		-a reespec.bus=broker -a reespec.without=kept,replies tests'

.PHONY: check
check: deps ## all of it: static checks, host tests, guests
	@$(MAKE) -j 2 guest $(HOST_TESTS) $(O)/pymca/ready KERNEL=6.12
	@$(MAKE) -j 2 guest KERNEL=6.1
	@tests/run -j 3 -t 900 .ci/checks -t 120 $(HOST_RUN) $(VM_RUN)

## What takes longer: FUZZ_SECONDS for each parser, ROUNDS of seeded tests, KILLS
## of daemon, client and bus, CUTS of a guest's power, and in a guest FUZZ_REPLIES,
## FUZZ_FRAMES and FUZZ_DESCRIPTORS against the module.

FUZZ_SECONDS ?= 600
ROUNDS ?= 20
KILLS ?= 480
CUTS ?= 20
HOSTILE_CALLS ?= 100000
FUZZ_REPLIES ?= 100000
FUZZ_FRAMES ?= 1000
FUZZ_DESCRIPTORS ?= 2000
VM_FUZZ := 'tests/vm/run -t 14200 $(POISON) -a reespec.timeout=7000 \
	-a reespec.only=replies,frames,descriptors -a reespec.FUZZ_REPLIES=$(FUZZ_REPLIES) \
	-a reespec.FUZZ_FRAMES=$(FUZZ_FRAMES) -a reespec.FUZZ_DESCRIPTORS=$(FUZZ_DESCRIPTORS) tests'
export FUZZ_SECONDS
SEEDED := unit/test-ledger-kill unit/test-ledger-failing unit/test-packet $(addprefix bus/test-,cut drop flood nats shift)
# Tests whose memory is watched (tests/watched); without those that compute for
# long. Of bus not cut, flood and shift, which take a network, a full disk or an
# hour of their own; modbus and stall, which measure memory, which the sanitizers
# use too; and starve, whose allocator is not theirs.
WATCHED_BUS := $(addprefix test/bus/test-,amend archive assay belt belt-rows calibrate \
	clock configure daemon drop drop-amended faults forged hostile kill ledger lims \
	lines loop nats order pgsink polkit preset qc queue replay server settings sort steps views)
# The daemon alone, built plainly, in valgrind; each start of it takes a while.
WATCHED_DAEMON := $(addprefix test/bus/test-,amend calibrate clock configure ledger queue settings)
WATCHED_UNIT := $(patsubst tests/%.c,plain/%,$(wildcard $(addprefix tests/unit/test-, \
	base-*.c batch.c bus-*.c csv-out.c fetch.c hotplug.c ledger-*.c lis2.c output.c pace.c \
	packet.c print.c proto-*.c requests.c session.c view.c)))
WATCHED_UNIT := $(filter-out %-kill %-tamper %-text,$(WATCHED_UNIT))
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/fuzz-*.c))
$(O)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)clang $(TEST_CFLAGS) -O1 $(FUZZ_SAN) -fsanitize=fuzzer-no-link -c -o $@ $<
fuzz = $(patsubst $(O)/obj/%,$(O)/fuzz/obj/%,$(1))
$(O)/fuzz/liball.a: $(call fuzz,$(LIB_OBJ) $(TOOL_OBJ))
	@rm -f $@
	$(call say,AR)ar rcs $@ $^
$(O)/fuzz/fuzz-%: $(O)/fuzz/obj/tests/fuzz/fuzz-%.o $(O)/fuzz/liball.a
	$(call say,LD)clang -g $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(LIBS)

.PHONY: check-long
check-long: deps ## fuzz on host and guest, seeded tests in rounds, analyser, coccinelle
	@.ci/deps packages-long
	@$(MAKE) guest KERNEL=6.1
	@$(MAKE) $(FUZZERS) $(addprefix $(O)/test/,$(SEEDED) $(addprefix bus/test-,hostile kill stall starve)) \
		$(SAN_PROGRAMS) $(addprefix $(O)/san/,$(PRELOAD) $(WATCHED_BUS)) \
		$(addprefix $(O)/,$(WATCHED_UNIT) $(WATCHED_DAEMON))
	@tests/run -t $$(($(FUZZ_SECONDS) + 120)) $(FUZZERS:$(O)/fuzz/%='tests/fuzz/run %') \
		-t 3600 $(foreach t,$(SEEDED),'tests/rounds $(ROUNDS) $(O)/test/$(t)') \
		'env NATS_LEDGERS=10 NATS_KILLS=100 $(O)/test/bus/test-nats' \
		'env CUT_LEDGERS=10 CUT_ROUNDS=20 $(O)/test/bus/test-cut' \
		-t 7300 'env SHIFT_SAMPLES=500 $(O)/test/bus/test-shift' -t 3600 \
		'env KILLS=$(KILLS) $(O)/test/bus/test-kill' \
		$(WATCHED_BUS:%='env KILLS=12 tests/watched sanitizers $(O)/san/%') \
		$(patsubst %,'tests/watched valgrind $(O)/%',$(WATCHED_UNIT) $(WATCHED_DAEMON)) \
		'env HOSTILE_CALLS=$(HOSTILE_CALLS) $(O)/test/bus/test-hostile' \
		'env STALL_SECONDS=60 $(O)/test/bus/test-stall' \
		'env STARVE_FACTOR=1000 $(O)/test/bus/test-starve' \
		-t 14400 'env CUTS=$(CUTS) tests/vm/test-power' -t 3600 \
		.ci/analyser .ci/coccinelle -t 14400 $(VM_FUZZ)

## The driver in a kernel that looks for faults: 15 to 50 minutes to build once,
## then PLUG_CYCLES and SLEEP_CYCLES say how long.

PLUG_CYCLES ?= 2000
SLEEP_CYCLES ?= 50
export PLUG_CYCLES SLEEP_CYCLES

.PHONY: check-debug
check-debug: deps ## the kernel tests on a debug kernel, failures of memory, leaks
	@.ci/deps packages-long
	@$(MAKE) guest KERNEL=debug
	@tests/run -t 36600 $(foreach job,tests sleep leaks plug,'tests/debug/run $(job)')

.PHONY: check-mutants
check-mutants: deps ## take one thing out of the driver at a time: a test has to miss it
	@$(MAKE) guest
	@tests/run -t 14400 tests/mutants/run

## Ratios against peers, in the same run. No figure makes it fail.

BENCH := $(addprefix $(O)/bench/,assay bridges cost joint ledger line quick service truth usb)
$(O)/bench/usb: $(O)/obj/tests/bench/clients.o
$(O)/bench/line: $(patsubst %,$(O)/obj/tests/bus/%.o,plc proc rig rig_call)
$(O)/bench/service: $(patsubst %,$(O)/obj/tests/bus/%.o,fast proc rig rig_call)
$(O)/bench/bridges: $(patsubst %,$(O)/obj/tests/bus/%.o,far lab rig rig_call writer)
$(O)/bench/%: $(O)/obj/tests/bench/%.o $(O)/libtools.a $(O)/libreespec.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

# The driver is measured on both kernels, or on the one that was named.
BENCH_KERNELS = $(if $(filter command environment,$(origin KERNEL)),$(KERNEL),6.1 6.12)

.PHONY: bench
bench: deps ## measure speed and memory beside a peer's; P= names some parts
	@.ci/deps packages-bench || echo "bench: not all peers are there"
	@$(MAKE) $(BENCH) all
	@$(if $(filter-out assay bridges ledger line service,$(or $(P),driver)),$(foreach k,$(BENCH_KERNELS),$(MAKE) guest KERNEL=$k &&)) true
	@KERNEL="$(BENCH_KERNELS)" tests/bench/run $(P)

-include $(shell find $(O)/obj $(O)/san $(O)/fuzz/obj -name '*.d' 2>/dev/null)

.PHONY: bench-assay
bench-assay: deps ## contents of simulated spectra beside the truth; needs REESPEC_DATA
	@$(MAKE) $(O)/bench/truth $(O)/bench/joint $(O)/reespec
	@tests/bench/accuracy

.PHONY: bench-plots
bench-plots: deps ## pictures of the fits of simulated spectra; needs REESPEC_DATA
	@$(MAKE) $(O)/reespec
	@tests/bench/plots

## Installing: each kind of file has its folder.

PREFIX ?= /usr
# Files of the wildcard $(2) go to folder $(1), if there are any.
PUT = $(if $(wildcard $(2)),install -D -m $(or $(3),644) -t $(DESTDIR)$(1) $(wildcard $(2)),@:)

.PHONY: install
install: all ## what is built, below DESTDIR; the module too if it is there
	$(call PUT,$(PREFIX)/bin,$(PROGRAMS),755)
	$(call PUT,$(PREFIX)/include/reespec,driver/uapi/dp5.h)
	$(call PUT,$(PREFIX)/lib/systemd/system,daemon/systemd/*.service tools/bridges/systemd/*.service)
	$(call PUT,$(PREFIX)/lib/systemd/catalog,daemon/systemd/*.catalog)
	@install -d $(DESTDIR)$(PREFIX)/lib/systemd/system/multi-user.target.wants
	@ln -sf ../reespecd.service -t $(DESTDIR)$(PREFIX)/lib/systemd/system/multi-user.target.wants
	$(call PUT,$(PREFIX)/share/dbus-1/interfaces,daemon/bus/org.reespec1.*.xml)
	$(call PUT,$(PREFIX)/share/dbus-1/system.d,daemon/bus/*.conf)
	$(call PUT,$(PREFIX)/share/dbus-1/system-services,daemon/bus/*.service)
	$(call PUT,$(PREFIX)/share/polkit-1/actions,daemon/bus/*.policy)
	$(call PUT,$(PREFIX)/share/polkit-1/rules.d,daemon/bus/*.rules)
	$(call PUT,$(PREFIX)/lib/udev/rules.d,udev/*.rules)
	$(call PUT,$(PREFIX)/lib/sysusers.d,udev/sysusers/*.conf)
	$(call PUT,$(PREFIX)/lib/tmpfiles.d,udev/tmpfiles/*.conf)
	$(call PUT,$(PREFIX)/share/reespec/methods,daemon/methods/*)
	$(call PUT,$(PREFIX)/share/bash-completion/completions,tools/completion/reespec)
	$(call PUT,$(PREFIX)/share/zsh/vendor-completions,tools/completion/_reespec)
	$(call PUT,$(PREFIX)/share/fish/vendor_completions.d,tools/completion/reespec.fish)
	$(call PUT,$(PREFIX)/share/man/man1,$(O)/man/*.1)
	$(call PUT,$(PREFIX)/share/man/man4,$(O)/man/*.4)
	$(call PUT,$(PREFIX)/share/man/man5,$(O)/man/*.5)
	$(call PUT,$(PREFIX)/share/man/man8,$(O)/man/*.8)
	$(if $(wildcard $(MODULE)),install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/modules/$(shell cat $(O)/kernel/$(KERNEL)/release)/extra $(MODULE))

# The list is an install made to be looked at, so that the two cannot part.
.PHONY: uninstall
uninstall: all ## remove what install puts, with the same PREFIX and KERNEL
	@rm -rf $(O)/uninstall
	@$(MAKE) -s install DESTDIR=$(O)/uninstall
	@.ci/uninstall $(O)/uninstall '$(DESTDIR)'
	@rm -rf $(O)/uninstall

.PHONY: clean
clean: ## remove $(O)
	rm -rf $(O)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
