# seconds: 120
# git: init, commits of many files, branches, merge, gc, fsck, clone, worktree.
export HOME=/root GIT_CONFIG_NOSYSTEM=1
git config --global user.name Test; git config --global user.email t@example.org
git config --global init.defaultBranch main
mkdir /tmp/r && cd /tmp/r
git init -q
for d in $(seq 10); do mkdir d$d; for f in $(seq 50); do echo "$d $f" >d$d/f$f; done; done
git add . && git commit -qm one
[ "$(git ls-files | wc -l)" = 500 ]
git checkout -qb side && echo side >side && git add side && git commit -qm side
git checkout -q main && echo main >>d1/f1 && git commit -qam main
git merge -q -m merge side
[ -f side ] && [ -z "$(git status --porcelain)" ]
for i in $(seq 20); do echo $i >>d2/f2; git commit -qam "commit $i"; done
[ "$(git rev-list --count HEAD)" = 24 ]
git gc -q
git fsck --strict
git clone -q /tmp/r /tmp/clone
git clone -q --no-hardlinks --depth 3 file:///tmp/r /tmp/shallow
diff -r --exclude=.git /tmp/r /tmp/clone
git -C /tmp/clone log --oneline | wc -l | grep -qx 24
git worktree add -q /tmp/wt side && [ -f /tmp/wt/side ]
git mv d3 moved && git commit -qm move && git stash list | wc -l | grep -qx 0
git -C /tmp/clone pull -q && [ -d /tmp/clone/moved ]
git bundle create -q /tmp/b main && git clone -q -b main /tmp/b /tmp/from-bundle
