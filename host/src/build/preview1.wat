;; WASI preview 1 with nothing behind it. Runtimes of some languages (C++'s iostreams, Go, TinyGo, Zig's std) call WASI even where an operator does
;; not; `millstream build` links this module in their place, so that a finished component imports no WASI and gives the same bytes each time.
;;
;;   clock    virtual: every look moves it on by 1 us from 1970, a sleep moves it on by its length and returns at once
;;   random   one fixed seed (splitmix64)
;;   output   stdout and stderr become log messages, info and warn
;;   the rest no arguments, no environment, no files, no sockets
;;
;; It is linked as an adapter: the memory is the guest's, what is not imported is dropped. Only `fd_write` calls out: the component model forbids
;; that during `cabi_realloc`, where a collector may look at the clock. Error numbers: 0 success, 8 bad descriptor, 52 not supported.
(module
  (import "env" "memory" (memory 0))
  (import "millstream:operator/telemetry@0.1.0" "log" (func $log (param $level i32) (param $at i32) (param $bytes i32)))

  (global $now_ns (mut i64) (i64.const 0))
  (global $seed (mut i64) (i64.const 0x6d696c6c73747265))

  ;; Two empty lists: count and bytes are zero.
  (func $no_list (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $no_list))
  (export "environ_sizes_get" (func $no_list))
  (func $nothing2 (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing2))
  (export "environ_get" (func $nothing2))
  (export "fd_fdstat_set_flags" (func $nothing2))

  (func (export "clock_res_get") (param $clock i32) (param $at i32) (result i32)
    (i64.store (local.get $at) (i64.const 1000))
    (i32.const 0))
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $at i32) (result i32)
    (global.set $now_ns (i64.add (global.get $now_ns) (i64.const 1000)))
    (i64.store (local.get $at) (global.get $now_ns))
    (i32.const 0))

  (func $next_random (result i64)
    (local $z i64)
    (global.set $seed (i64.add (global.get $seed) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $z (global.get $seed))
    (local.set $z (i64.mul (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 30))) (i64.const 0xbf58476d1ce4e5b9)))
    (local.set $z (i64.mul (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 27))) (i64.const 0x94d049bb133111eb)))
    (i64.xor (local.get $z) (i64.shr_u (local.get $z) (i64.const 31))))
  (func (export "random_get") (param $at i32) (param $bytes i32) (result i32)
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $bytes)))
        (i32.store8 (local.get $at) (i32.wrap_i64 (call $next_random)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
        (br $more)))
    (i32.const 0))

  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param $code i32) unreachable)
  (func (export "proc_raise") (param $signal i32) (result i32) unreachable)

  ;; Sleeping: the first subscription must be a clock (tag 0). Subscription: 0 userdata, 8 tag, 24 timeout, 40 flags (1 = absolute).
  ;; Event: 0 userdata, 8 error u16, 10 type u8.
  (func (export "poll_oneoff") (param $subscriptions i32) (param $events i32) (param $n i32) (param $count_at i32) (result i32)
    (local $until i64)
    (if (i32.or (i32.eqz (local.get $n)) (i32.load8_u offset=8 (local.get $subscriptions))) (then (return (i32.const 52))))
    (local.set $until (i64.load offset=24 (local.get $subscriptions)))
    (if (i32.eqz (i32.and (i32.load16_u offset=40 (local.get $subscriptions)) (i32.const 1)))
      (then (local.set $until (i64.add (local.get $until) (global.get $now_ns)))))
    (if (i64.gt_u (local.get $until) (global.get $now_ns)) (then (global.set $now_ns (local.get $until))))
    (i64.store (local.get $events) (i64.load (local.get $subscriptions)))
    (i64.store offset=8 (local.get $events) (i64.const 0))
    (i32.store (local.get $count_at) (i32.const 1))
    (i32.const 0))

  (func (export "fd_write") (param $fd i32) (param $parts i32) (param $n i32) (param $written_at i32) (result i32)
    (local $bytes i32) (local $written i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (i32.const 8))))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $bytes (i32.load offset=4 (local.get $parts)))
        (if (local.get $bytes)
          ;; stdout (1) is info (2), stderr (2) is warn (1).
          (then (call $log (i32.sub (i32.const 3) (local.get $fd)) (i32.load (local.get $parts)) (local.get $bytes))))
        (local.set $written (i32.add (local.get $written) (local.get $bytes)))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $more)))
    (i32.store (local.get $written_at) (local.get $written))
    (i32.const 0))

  ;; 0, 1 and 2 are character devices (2) that may be written (right 0x40).
  (func (export "fd_fdstat_get") (param $fd i32) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $at) (i64.const 2))
    (i64.store offset=8 (local.get $at) (i64.const 0x40))
    (i64.store offset=16 (local.get $at) (i64.const 0))
    (i32.const 0))
  (func (export "fd_close") (param i32) (result i32) (i32.const 0))

  ;; No descriptor can be read or sought, and none is a folder.
  (func $bad_ii (param i32 i32) (result i32) (i32.const 8))
  (func $bad_iii (param i32 i32 i32) (result i32) (i32.const 8))
  (func $bad_iiii (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func $bad_seek (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (export "fd_prestat_get" (func $bad_ii))
  (export "fd_prestat_dir_name" (func $bad_iii))
  (export "fd_read" (func $bad_iiii))
  (export "fd_seek" (func $bad_seek))
  (export "fd_tell" (func $bad_ii))

  ;; Not supported, by shape of the parameters.
  (func $no_i (param i32) (result i32) (i32.const 52))
  (func $no_ii (param i32 i32) (result i32) (i32.const 52))
  (func $no_iii (param i32 i32 i32) (result i32) (i32.const 52))
  (func $no_iiiii (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func $no_iiiiii (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func $no_il (param i32 i64) (result i32) (i32.const 52))
  (func $no_ill (param i32 i64 i64) (result i32) (i32.const 52))
  (func $no_illi (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func $no_iiili (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (export "fd_datasync" (func $no_i))
  (export "fd_sync" (func $no_i))
  (export "fd_renumber" (func $no_ii))
  (export "fd_filestat_get" (func $no_ii))
  (export "sock_shutdown" (func $no_ii))
  (export "path_create_directory" (func $no_iii))
  (export "path_remove_directory" (func $no_iii))
  (export "path_unlink_file" (func $no_iii))
  (export "sock_accept" (func $no_iii))
  (export "path_filestat_get" (func $no_iiiii))
  (export "path_symlink" (func $no_iiiii))
  (export "sock_send" (func $no_iiiii))
  (export "path_readlink" (func $no_iiiiii))
  (export "path_rename" (func $no_iiiiii))
  (export "sock_recv" (func $no_iiiiii))
  (export "fd_filestat_set_size" (func $no_il))
  (export "fd_allocate" (func $no_ill))
  (export "fd_fdstat_set_rights" (func $no_ill))
  (export "fd_advise" (func $no_illi))
  (export "fd_filestat_set_times" (func $no_illi))
  (export "fd_pread" (func $no_iiili))
  (export "fd_pwrite" (func $no_iiili))
  (export "fd_readdir" (func $no_iiili))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
)
