# by name: its tree is large
# sandbox: --tree large
# R: numbers, drawings, processes that share the work by fork and by sockets, and a shell's own.
cat >/tmp/t.R <<'R'
stopifnot(round(summary(lm(dist ~ speed, cars))$r.squared, 3) == 0.651)
write.csv(cars, "/tmp/cars.csv", row.names = FALSE)
stopifnot(identical(dim(read.csv("/tmp/cars.csv")), c(50L, 2L)))
library(parallel)
stopifnot(sum(unlist(mclapply(1:20, function(i) i * i, mc.cores = 3))) == 2870)
cluster <- makeCluster(2)
stopifnot(identical(unlist(parLapply(cluster, 1:3, function(i) i + 1)), c(2, 3, 4)))
stopCluster(cluster)
pdf("/tmp/plot.pdf"); plot(cars); invisible(dev.off())
stopifnot(file.size("/tmp/plot.pdf") > 4000)
stopifnot(system("echo from a shell", intern = TRUE) == "from a shell", system("exit 3") == 3)
pipe <- pipe("tr a-z A-Z", "w"); writeLines("loud", pipe); close(pipe)
x <- tryCatch({ setTimeLimit(elapsed = 0.2); repeat sqrt(2) }, error = function(e) "stopped in time")
setTimeLimit(); stopifnot(x == "stopped in time")
cat(Sys.info()[["user"]], "\n")
R
[ "$(Rscript /tmp/t.R | tr '\n' ' ')" = 'LOUD root  ' ]
useradd -m alice
rm /tmp/*.csv /tmp/*.pdf
[ "$(su alice -c 'Rscript /tmp/t.R' | tail -n 1)" = 'alice ' ]
