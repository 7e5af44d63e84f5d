-- expect: lossy, lost up
DELETE FROM posts WHERE title = 'one;';
