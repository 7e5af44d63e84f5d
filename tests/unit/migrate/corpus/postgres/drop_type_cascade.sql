-- expect: lossy, lost up
DROP TYPE mood CASCADE;
