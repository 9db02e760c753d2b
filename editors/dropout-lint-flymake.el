;;; dropout-lint-flymake.el --- Findings of dropout-lint in Python buffers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Load this file, and Flymake shows what dropout-lint finds in Python buffers, saved or not.

;;; Code:

(require 'flymake)

(defvar-local dropout-lint-flymake--process nil
  "The check of this buffer that is under way.")

(defun dropout-lint-flymake (report &rest _arguments)
  "Check the buffer and pass its diagnostics to REPORT."
  (when (process-live-p dropout-lint-flymake--process)
    (delete-process dropout-lint-flymake--process))
  (let* ((source (current-buffer))
         (name (if buffer-file-name (file-name-nondirectory buffer-file-name) "-"))
         (line (format "^%s:\\([0-9]+\\):\\([0-9]+\\): \\(KTM.*\\)$" (regexp-quote name))))
    (setq dropout-lint-flymake--process
          (make-process
           :name "dropout-lint"
           :noquery t
           :connection-type 'pipe
           :buffer (generate-new-buffer " *dropout-lint*")
           :command (list "dropout-lint" "--output-format" "concise" "--quiet" "--exit-zero"
                          "--stdin-filename" name "-")
           :sentinel
           (lambda (process _event)
             (unless (process-live-p process)
               (when (and (buffer-live-p source) (eq (process-status process) 'exit))
                 (funcall report (dropout-lint-flymake--read process line source)))
               (kill-buffer (process-buffer process))))))
    (process-send-region dropout-lint-flymake--process (point-min) (point-max))
    (process-send-eof dropout-lint-flymake--process)))

(defun dropout-lint-flymake--read (process line source)
  "Diagnostics of the buffer SOURCE: what PROCESS printed that matches LINE."
  (let (found)
    (with-current-buffer (process-buffer process)
      (goto-char (point-min))
      (while (re-search-forward line nil t)
        (let* ((text (match-string 3))
               (row (string-to-number (match-string 1)))
               (column (string-to-number (match-string 2)))
               (region (save-match-data (flymake-diag-region source row column))))
          (push (flymake-make-diagnostic source (car region) (cdr region) :warning text) found))))
    (nreverse found)))

(defun dropout-lint-flymake-setup ()
  "Let Flymake ask dropout-lint in this buffer, too."
  (add-hook 'flymake-diagnostic-functions #'dropout-lint-flymake nil t)
  (flymake-mode))

(add-hook 'python-mode-hook #'dropout-lint-flymake-setup)
(add-hook 'python-ts-mode-hook #'dropout-lint-flymake-setup)

(provide 'dropout-lint-flymake)
;;; dropout-lint-flymake.el ends here
